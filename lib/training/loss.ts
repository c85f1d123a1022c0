import type { GraphBuilder } from "../onnx/graph-builder";

export interface LossOptions {
  readonly classes: number;
  /** A weight a class, by index. Default: 1 each. */
  readonly classWeights?: readonly number[] | undefined;
  /** Share of the target that is spread evenly over all classes. Default: 0. */
  readonly labelSmoothing?: number | undefined;
  /** For mixup: names of the labels [batch] mixed in, and of the share [batch, 1] that the first labels keep. */
  readonly mixture?: { readonly labels: string; readonly shares: string } | undefined;
  /** Adds one minus the mean soft Dice coefficient of the classes (Milletari et al., "V-Net", 2016). For segmentation. */
  readonly dice?: boolean | undefined;
}

/**
 * Emits the mean cross-entropy of `logits` [batch, classes, …] and `labels` (int64, [batch, …]); returns the scalar's name.
 * With class weights w: Σₙ Σ_c w_c t_nc (−log p_nc) / Σₙ w_yₙ, t the smoothed targets, as PyTorch's `cross_entropy` has it.
 */
export function emitLoss(
  graph: GraphBuilder,
  logits: string,
  labels: string,
  rank: number,
  options: LossOptions,
): string {
  const { classes, labelSmoothing = 0, classWeights, mixture, dice = false } = options;
  const oneHot = (values: string) =>
    graph.add("OneHot", [values, graph.int64(classes), graph.float32([0, 1])], { axis: 1 });
  const one = mixture
    ? graph.add("Add", [
        graph.add("Mul", [oneHot(labels), mixture.shares]),
        graph.add("Mul", [oneHot(mixture.labels), graph.add("Sub", [graph.float32(1), mixture.shares])]),
      ])
    : oneHot(labels);
  const perClass = [1, classes, ...Array.from({ length: rank - 2 }, () => 1)];
  const weights = classWeights && graph.float32([...classWeights], perClass);
  const smoothed =
    labelSmoothing > 0
      ? graph.add("Add", [
          graph.add("Mul", [one, graph.float32(1 - labelSmoothing)]),
          graph.float32(labelSmoothing / classes),
        ])
      : one;
  const targets = weights ? graph.add("Mul", [smoothed, weights]) : smoothed;
  // loss = −Σ t · log p / Σ w
  const logProbabilities = graph.add("LogSoftmax", [logits], { axis: 1 });
  const likelihood = graph.add("ReduceSum", [graph.add("Mul", [targets, logProbabilities])], { keepdims: 0 });
  const total = graph.add("ReduceSum", [weights ? graph.add("Mul", [one, weights]) : one], { keepdims: 0 });
  const crossEntropy = graph.add("Neg", [graph.add("Div", [likelihood, total])]);
  return dice ? graph.add("Add", [crossEntropy, emitDice(graph, logits, one, rank)]) : crossEntropy;
}

/** 1 − mean over classes of (2 Σ p t + 1) / (Σ p + Σ t + 1), sums over batch and space. */
function emitDice(graph: GraphBuilder, logits: string, one: string, rank: number): string {
  const axes = graph.int64([0, ...Array.from({ length: rank - 2 }, (_, axis) => axis + 2)]);
  const sum = (value: string) => graph.add("ReduceSum", [value, axes], { keepdims: 0 });
  const probabilities = graph.add("Softmax", [logits], { axis: 1 });
  const overlap = graph.add("Add", [
    graph.add("Mul", [sum(graph.add("Mul", [probabilities, one])), graph.float32(2)]),
    graph.float32(1),
  ]);
  const size = graph.add("Add", [graph.add("Add", [sum(probabilities), sum(one)]), graph.float32(1)]);
  const coefficients = graph.add("Div", [overlap, size]);
  return graph.add("Sub", [graph.float32(1), graph.add("ReduceMean", [coefficients], { keepdims: 0 })]);
}
