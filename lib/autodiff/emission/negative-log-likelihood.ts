import { intAttribute, stringAttribute } from "../../onnx/attributes";
import { dataTypeCode } from "../../onnx/data-types";
import type { RuleContext } from "../gradient-rule";

/**
 * The loss Σ −w[t] · logp[t] over log-probabilities [batch, classes, …], reduced as the node says: "mean" divides by the sum of the
 * weights, elements of class `ignore_index` take no part. Inputs 1 and 2 of the node are the targets and the classes' weights.
 */
export class NegativeLogLikelihood {
  /** Where, in [batch, classes, …], the target's class is. */
  private readonly atTarget: string;
  /** The weight of each element, [batch, …], 0 for those that take no part. */
  private readonly counted: string;
  private readonly mean: boolean;

  constructor(
    private readonly context: RuleContext,
    private readonly dy: string,
  ) {
    const { graph, node } = context;
    const scores = context.input(0);
    const targets = graph.add("Cast", [context.input(1)], { to: dataTypeCode("int64") });
    const ignored = intAttribute(node, "ignore_index");
    const takesPart =
      ignored === undefined ? undefined : graph.add("Not", [graph.add("Equal", [targets, graph.int64(ignored)])]);
    const safe = takesPart ? graph.add("Where", [takesPart, targets, graph.int64(0)]) : targets;
    const weights = context.has(2)
      ? graph.add("Gather", [context.input(2), safe])
      : graph.add("Expand", [context.scalar(1, scores), graph.add("Shape", [safe])]);
    this.counted = takesPart ? context.keepWhere(takesPart, weights) : weights;
    this.mean = stringAttribute(node, "reduction", "mean") === "mean";

    const count = graph.add("Gather", [context.shapeTensor(scores), graph.int64(1)]);
    const classes = graph.add("Unsqueeze", [
      graph.add("Range", [graph.int64(0), count, graph.int64(1)]),
      graph.int64(this.otherAxes()),
    ]);
    const hit = graph.add("Equal", [this.overClasses(safe), classes]);
    this.atTarget = takesPart ? graph.add("And", [hit, this.overClasses(takesPart)]) : hit;
  }

  /** dLogp[t] = −dY · w[t], or −dY · w[t] / Σw for the mean; 0 for the other classes. */
  gradientOfLogProbabilities(): string {
    const { graph } = this.context;
    const slopes = graph.add("Neg", [graph.add("Mul", [this.mean ? this.share() : this.dy, this.counted])]);
    return this.context.keepWhere(this.atTarget, this.overClasses(slopes));
  }

  /** dW[c] = Σ dY · (−logp[t]) over the elements of class c, or Σ dY · (−logp[t] − loss) / Σw for the mean. */
  gradientOfWeights(logProbabilities: string): string {
    const { graph } = this.context;
    const losses = graph.add("Neg", [logProbabilities]);
    const excess = this.mean ? graph.add("Sub", [losses, this.context.output(0)]) : losses;
    const perElement = stringAttribute(this.context.node, "reduction", "mean") === "none";
    const slopes = graph.add("Mul", [
      this.mean ? this.share() : perElement ? this.overClasses(this.dy) : this.dy,
      excess,
    ]);
    return graph.add("ReduceSum", [this.context.keepWhere(this.atTarget, slopes), graph.int64(this.otherAxes())], {
      keepdims: 0,
    });
  }

  /** dY / Σw */
  private share(): string {
    const { graph } = this.context;
    return graph.add("Div", [this.dy, graph.add("ReduceSum", [this.counted], { keepdims: 0 })]);
  }

  /** A value [batch, …] with an axis for the classes. */
  private overClasses(value: string): string {
    return this.context.graph.add("Unsqueeze", [value, this.context.graph.int64([1])]);
  }

  /** Every axis but that of the classes. */
  private otherAxes(): number[] {
    return Array.from({ length: this.context.rank(this.context.input(0)) }, (_, axis) => axis).filter(
      (axis) => axis !== 1,
    );
  }
}
