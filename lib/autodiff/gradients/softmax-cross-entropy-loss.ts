import { NegativeLogLikelihood } from "../emission/negative-log-likelihood";
import type { GradientRule } from "../gradient-rule";

/** The cross-entropy of target classes, from logits; the second output is the log-probabilities. */
export const softmaxCrossEntropyLossGradient: GradientRule = (context, [dLoss, dLogProbabilities]) => {
  const { graph } = context;
  const loss = dLoss ? new NegativeLogLikelihood(context, dLoss) : undefined;
  const parts = [loss?.gradientOfLogProbabilities(), dLogProbabilities].filter((part) => part !== undefined);
  // dX = dLogp − softmax(x) · Σ dLogp over the classes
  const gradient = parts.reduce((sum, part) => graph.add("Add", [sum, part]));
  const sum = graph.add("ReduceSum", [gradient, graph.int64([1])], { keepdims: 1 });
  const dScores = graph.add("Sub", [
    gradient,
    graph.add("Mul", [graph.add("Softmax", [context.input(0)], { axis: 1 }), sum]),
  ]);
  return [
    dScores,
    undefined,
    context.needs(2) ? loss?.gradientOfWeights(graph.add("LogSoftmax", [context.input(0)], { axis: 1 })) : undefined,
  ];
};
