import { intAttribute, stringAttribute } from "../../onnx/attributes";
import { dataTypeCode } from "../../onnx/data-types";
import type { RuleContext } from "../gradient-rule";

/**
 * The gradient with respect to log-probabilities [batch, classes, …] of the loss Σ −w[t] · logp[t], reduced as the node says
 * ("mean" divides by the sum of the weights; elements of class `ignore_index` take no part). Inputs 1 and 2 are targets and weights.
 */
export function gradientOfLogProbabilities(context: RuleContext, dy: string): string {
  const { graph, node } = context;
  const scores = context.input(0);
  const targets = graph.add("Cast", [context.input(1)], { to: dataTypeCode("int64") });
  const ignored = intAttribute(node, "ignore_index");
  const zero = graph.int64(0);
  const takesPart = ignored === undefined ? undefined : graph.add("Not", [graph.add("Equal", [targets, graph.int64(ignored)])]);
  const safe = takesPart ? graph.add("Where", [takesPart, targets, zero]) : targets;
  const weights = context.has(2) ? graph.add("Gather", [context.input(2), safe]) : graph.add("Expand", [context.scalar(1, scores), graph.add("Shape", [safe])]);
  const counted = takesPart ? context.keepWhere(takesPart, weights) : weights;

  // dLogp[t] = −dY · w[t], or −dY · w[t] / Σw for the mean; 0 for the other classes
  const mean = stringAttribute(node, "reduction", "mean") === "mean";
  const share = mean ? graph.add("Div", [counted, graph.add("ReduceSum", [counted], { keepdims: 0 })]) : counted;
  const classAxis = graph.int64([1]);
  const slopes = graph.add("Unsqueeze", [graph.add("Neg", [graph.add("Mul", [dy, share])]), classAxis]);
  const count = graph.add("Gather", [context.shapeTensor(scores), graph.int64(1)]);
  const classes = graph.add("Unsqueeze", [graph.add("Range", [zero, count, graph.int64(1)]), graph.int64(otherAxes(context.rank(scores)))]);
  return context.keepWhere(graph.add("Equal", [graph.add("Unsqueeze", [safe, classAxis]), classes]), slopes);
}

/** Every axis but that of the classes. */
function otherAxes(rank: number): number[] {
  return Array.from({ length: rank }, (_, axis) => axis).filter((axis) => axis !== 1);
}
