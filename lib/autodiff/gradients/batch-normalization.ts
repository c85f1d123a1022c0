import { float, floatAttribute, intAttribute } from "../../onnx/attributes";
import { toNumbers } from "../../onnx/tensor";
import { dataTypeCode } from "../../onnx/data-types";
import { extentsOf, product } from "../emission/extents";
import { range, realConstant, reduceMean, reduceSum, sumOf } from "../emission/values";
import type { GradientRule, RuleContext } from "../gradient-rule";

/** BatchNormalization, with running statistics or (training_mode) with those of the batch. */
export const batchNormalizationGradient: GradientRule = (context, gradients) =>
  intAttribute(context.node, "training_mode", 0) === 1
    ? trainingGradient(context, gradients)
    : inferenceGradient(context, gradients);

function inferenceGradient(context: RuleContext, [dY]: readonly (string | undefined)[]): (string | undefined)[] {
  if (!dY) return [];
  const { graph } = context;
  const [x, gamma, mean] = [context.input(0), context.input(1), context.input(3)];
  const axes = reducedAxes(context);
  const constantFactor = foldedFactor(context);
  const others = [1, 3, 4].some((index) => context.needs(index));
  const r = others || (context.needs(0) && constantFactor === undefined) ? reciprocalDeviation(context) : "";
  const total = others || context.needs(2) ? reduceSum(context, dY, axes, false) : "";
  // Σ dY (x − μ)
  const along = others
    ? graph.add("Sub", [reduceSum(context, graph.add("Mul", [dY, x]), axes, false), graph.add("Mul", [mean, total])])
    : "";
  const factor = (): string => graph.add("Mul", [gamma, r]);
  return [
    // dX = dY γ r, with r = 1 / √(σ² + ε)
    context.needs(0) ? graph.add("Mul", [dY, constantFactor ?? column(context, factor())]) : undefined,
    // dγ = Σ dY (x − μ) r
    context.needs(1) ? graph.add("Mul", [along, r]) : undefined,
    // dβ = Σ dY
    context.needs(2) ? total : undefined,
    // dμ = −γ r Σ dY
    context.needs(3) ? graph.add("Neg", [graph.add("Mul", [total, factor()])]) : undefined,
    // dσ² = −½ γ r³ Σ dY (x − μ)
    context.needs(4)
      ? graph.add("Mul", [
          graph.add("Mul", [along, factor()]),
          graph.add("Mul", [graph.add("Mul", [r, r]), context.scalar(-0.5, x)]),
        ])
      : undefined,
  ];
}

/**
 * With x̂ = (x − μ) r and n values a channel, dX = γ r (dY − mean(dY) − x̂ mean(dY x̂)) is one scale of dY and one affine function of x
 * a channel; the latter is a BatchNormalization again. What comes back from the running statistics goes into that, too.
 */
function trainingGradient(
  context: RuleContext,
  [dY, dMean, dVariance]: readonly (string | undefined)[],
): (string | undefined)[] {
  const { graph } = context;
  const [x, gamma] = [context.input(0), context.input(1)];
  const momentum = momentumOf(context);
  const carried = (gradient: string | undefined, like: number): string | undefined =>
    gradient && context.needs(like) ? graph.add("Mul", [gradient, context.scalar(momentum, gradient)]) : undefined;
  const passedOn = [carried(dMean, 3), carried(dVariance, 4)];
  if (![0, 1, 2].some((index) => context.needs(index))) return [undefined, undefined, undefined, ...passedOn];

  const axes = reducedAxes(context);
  const statistics = batchStatistics(context, axes);
  const { mean, variance } = statistics;
  const r = graph.add("Reciprocal", [
    graph.add("Sqrt", [graph.add("Add", [variance, context.scalar(epsilonOf(context), x)])]),
  ]);
  const count = perChannelCount(context);
  const shifts: string[] = [],
    slopes: string[] = [];
  let dGamma: string | undefined, dBeta: string | undefined, direct: string | undefined;
  if (dY) {
    // dβ = Σ dY
    dBeta = reduceSum(context, dY, axes, false);
    // dγ = Σ dY x̂ = r (Σ dY x − μ Σ dY)
    const along = reduceSum(context, graph.add("Mul", [dY, x]), axes, false);
    dGamma = graph.add("Mul", [r, graph.add("Sub", [along, graph.add("Mul", [mean, dBeta])])]);
    const scale = graph.add("Mul", [gamma, r]);
    direct = graph.add("Mul", [dY, column(context, scale)]);
    const share = graph.add("Neg", [graph.add("Div", [scale, count])]);
    shifts.push(graph.add("Mul", [share, dBeta]));
    slopes.push(graph.add("Mul", [share, dGamma]));
  }
  // running mean = m μ₀ + (1 − m) mean(x), running variance = m σ₀² + (1 − m) mean((x − mean(x))²)
  const ofRunning = (gradient: string, times: number): string =>
    graph.add("Div", [graph.add("Mul", [gradient, context.scalar(times * (1 - momentum), x)]), count]);
  if (dMean) shifts.push(ofRunning(dMean, 1));
  if (dVariance) slopes.push(graph.add("Div", [ofRunning(dVariance, 2), r]));
  const dX = context.needs(0)
    ? sumOf(context, [direct, affineOfStandardised(context, statistics, slopes, shifts)])
    : undefined;
  return [dX, context.needs(1) ? dGamma : undefined, context.needs(2) ? dBeta : undefined, ...passedOn];
}

/** Mean and variance of the batch, a channel each: with momentum 0 they are what the node itself returns. */
function batchStatistics(context: RuleContext, axes: readonly number[]): { mean: string; variance: string } {
  if (momentumOf(context) === 0) return { mean: context.ensureOutput(1), variance: context.ensureOutput(2) };
  const { graph } = context;
  const x = context.input(0);
  const mean = reduceMean(context, x, axes);
  const centred = graph.add("Sub", [x, mean]);
  const flat = (value: string): string => graph.add("Reshape", [value, graph.int64([-1])]);
  return { mean: flat(mean), variance: flat(reduceMean(context, graph.add("Mul", [centred, centred]), axes)) };
}

/** Σ slopes · x̂ + Σ shifts. */
function affineOfStandardised(
  context: RuleContext,
  { mean, variance }: { mean: string; variance: string },
  slopes: readonly string[],
  shifts: readonly string[],
): string {
  const nothing = (): string => context.zerosLike(context.input(1));
  const parameters = [sumOf(context, slopes) ?? nothing(), sumOf(context, shifts) ?? nothing(), mean, variance];
  return context.graph.add("BatchNormalization", [context.input(0), ...parameters], {
    epsilon: float(epsilonOf(context)),
  });
}

function momentumOf({ node }: RuleContext): number {
  return floatAttribute(node, "momentum", 0.9);
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
  return spatial > 0
    ? context.graph.add("Reshape", [vector, context.graph.int64([-1, ...range(0, spatial).map(() => 1)])])
    : vector;
}

function reciprocalDeviation(context: RuleContext): string {
  const { graph } = context;
  const variance = context.input(4);
  return graph.add("Reciprocal", [
    graph.add("Sqrt", [graph.add("Add", [variance, context.scalar(epsilonOf(context), variance)])]),
  ]);
}

/** γ r as a constant, shaped to broadcast against x, when scale and variance are constants that nobody differentiates. */
function foldedFactor(context: RuleContext): string | undefined {
  const [scale, variance] = [context.constantValue(context.input(1)), context.constantValue(context.input(4))];
  const isReal = (tensor: typeof scale): boolean => tensor?.dataType === "float32" || tensor?.dataType === "float64";
  if (!scale || !variance || !isReal(scale) || !isReal(variance) || context.needs(1) || context.needs(4))
    return undefined;
  const epsilon = epsilonOf(context);
  const variances = toNumbers(variance);
  const factors = toNumbers(scale).map((number, index) => number / Math.sqrt((variances[index] ?? 0) + epsilon));
  const spatial = Math.max(0, context.rank(context.input(0)) - 2);
  return realConstant(context, factors, [factors.length, ...range(0, spatial).map(() => 1)], context.input(0));
}

function perChannelCount(context: RuleContext): string {
  const x = context.input(0);
  const count = product(
    context,
    extentsOf(context, x).filter((_, axis) => axis !== 1),
  );
  if (typeof count === "number") return context.scalar(count, x);
  return context.graph.add("Cast", [count], { to: dataTypeCode(context.dataType(x)) });
}
