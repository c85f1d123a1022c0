import { floatAttribute, intAttribute } from "../../onnx/attributes";
import { toNumbers } from "../../onnx/tensor";
import { dataTypeCode } from "../../onnx/data-types";
import { extentsOf, product } from "../emission/extents";
import { standardise, standardisedGradient } from "../emission/standardised";
import { range, realConstant, reduceSum, sumOf } from "../emission/values";
import type { GradientRule, RuleContext } from "../gradient-rule";

/** BatchNormalization, with running statistics or (training_mode) with those of the batch. */
export const batchNormalizationGradient: GradientRule = (context, gradients) =>
  intAttribute(context.node, "training_mode", 0) === 1 ? trainingGradient(context, gradients) : inferenceGradient(context, gradients);

function inferenceGradient(context: RuleContext, [dY]: readonly (string | undefined)[]): (string | undefined)[] {
  if (!dY) return [];
  const { graph } = context;
  const x = context.input(0);
  const axes = reducedAxes(context);
  // dX = dY γ r, with r = 1 / √(σ² + ε)
  const dX = context.needs(0) ? graph.add("Mul", [dY, foldedFactor(context) ?? column(context, factor(context, context.input(1)))]) : undefined;
  const others = [1, 3, 4].some((index) => context.needs(index));
  const along = others ? reduceSum(context, graph.add("Mul", [dY, graph.add("Sub", [x, column(context, context.input(3))])]), axes, false) : "";
  const total = context.needs(2) || context.needs(3) ? reduceSum(context, dY, axes, false) : "";
  const r = others ? reciprocalDeviation(context) : "";
  return [
    dX,
    // dγ = Σ dY (x − μ) r
    context.needs(1) ? graph.add("Mul", [along, r]) : undefined,
    // dβ = Σ dY
    context.needs(2) ? total : undefined,
    // dμ = −γ r Σ dY
    context.needs(3) ? graph.add("Neg", [graph.add("Mul", [total, factor(context, context.input(1))])]) : undefined,
    // dσ² = −½ γ r³ Σ dY (x − μ)
    context.needs(4)
      ? graph.add("Mul", [graph.add("Mul", [along, factor(context, context.input(1))]), graph.add("Mul", [graph.add("Mul", [r, r]), context.scalar(-0.5, x)])])
      : undefined,
  ];
}

function trainingGradient(context: RuleContext, [dY, dMean, dVariance]: readonly (string | undefined)[]): (string | undefined)[] {
  const { graph, node } = context;
  const x = context.input(0);
  const axes = reducedAxes(context);
  const momentum = floatAttribute(node, "momentum", 0.9);
  const standardised = standardise(context, x, axes, epsilonOf(context), x);
  const intoX: (string | undefined)[] = [];
  if (dY && context.needs(0)) intoX.push(standardisedGradient(context, standardised, graph.add("Mul", [dY, column(context, context.input(1))])));
  if ((dMean || dVariance) && context.needs(0)) {
    const count = perChannelCount(context);
    const share = (gradient: string, times: number): string =>
      column(context, graph.add("Div", [graph.add("Mul", [gradient, context.scalar(times * (1 - momentum), x)]), count]));
    // running mean = m μ₀ + (1 − m) mean(x)
    if (dMean) intoX.push(share(dMean, 1));
    // running variance = m σ₀² + (1 − m) mean((x − mean(x))²)
    if (dVariance) intoX.push(graph.add("Mul", [share(dVariance, 2), standardised.centred]));
  }
  const sum = sumOf(context, intoX);
  const carried = (gradient: string | undefined, like: number): string | undefined =>
    (gradient && context.needs(like) ? graph.add("Mul", [gradient, context.scalar(momentum, gradient)]) : undefined);
  return [
    sum && !dY ? graph.add("Expand", [sum, context.shapeTensor(x)]) : sum,
    // dγ = Σ dY x̂
    dY && context.needs(1) ? reduceSum(context, graph.add("Mul", [dY, standardised.value]), axes, false) : undefined,
    // dβ = Σ dY
    dY && context.needs(2) ? reduceSum(context, dY, axes, false) : undefined,
    carried(dMean, 3),
    carried(dVariance, 4),
  ];
}

/** Every axis but that of the channels. */
function reducedAxes(context: RuleContext): number[] {
  return range(0, context.rank(context.input(0))).filter((axis) => axis !== 1);
}

function epsilonOf(context: RuleContext): number {
  return floatAttribute(context.node, "epsilon", 1e-5);
}

/** A vector over the channels, shaped to broadcast against x. */
function column(context: RuleContext, vector: string): string {
  const spatial = context.rank(context.input(0)) - 2;
  return spatial > 0 ? context.graph.add("Reshape", [vector, context.graph.int64([-1, ...range(0, spatial).map(() => 1)])]) : vector;
}

function reciprocalDeviation(context: RuleContext): string {
  const { graph } = context;
  const variance = context.input(4);
  return graph.add("Reciprocal", [graph.add("Sqrt", [graph.add("Add", [variance, context.scalar(epsilonOf(context), variance)])])]);
}

function factor(context: RuleContext, scale: string): string {
  return context.graph.add("Mul", [scale, reciprocalDeviation(context)]);
}

/** γ r as a constant, shaped to broadcast against x, when scale and variance are constants that nobody differentiates. */
function foldedFactor(context: RuleContext): string | undefined {
  const [scale, variance] = [context.constantValue(context.input(1)), context.constantValue(context.input(4))];
  const isReal = (tensor: typeof scale): boolean => tensor?.dataType === "float32" || tensor?.dataType === "float64";
  if (!scale || !variance || !isReal(scale) || !isReal(variance) || context.needs(1) || context.needs(4)) return undefined;
  const epsilon = epsilonOf(context);
  const variances = toNumbers(variance);
  const factors = toNumbers(scale).map((number, index) => number / Math.sqrt((variances[index] ?? 0) + epsilon));
  const spatial = Math.max(0, context.rank(context.input(0)) - 2);
  return realConstant(context, factors, [factors.length, ...range(0, spatial).map(() => 1)], context.input(0));
}

function perChannelCount(context: RuleContext): string {
  const x = context.input(0);
  const count = product(context, extentsOf(context, x).filter((_, axis) => axis !== 1));
  if (typeof count === "number") return context.scalar(count, x);
  return context.graph.add("Cast", [count], { to: dataTypeCode(context.dataType(x)) });
}
