import { floatAttribute, intAttribute } from "../../onnx/attributes";
import { dataTypeCode } from "../../onnx/data-types";
import { extentOf, product } from "../emission/extents";
import { standardise, standardisedGradient } from "../emission/standardised";
import { castTo, nonNegativeAxis, range, reduceSum, sumOf } from "../emission/values";
import type { GradientRule, RuleContext } from "../gradient-rule";

/** LayerNormalization over the axes from `axis` on, with its optional outputs Mean and InvStdDev. */
export const layerNormalizationGradient: GradientRule = (context, [dY, dMean, dReciprocal]) => {
  const { graph, node } = context;
  const x = context.input(0);
  const rank = context.rank(x);
  const first = nonNegativeAxis(intAttribute(node, "axis", -1), rank);
  const axes = range(first, rank);
  const dataType = context.dataType(x);
  const inner = intAttribute(node, "stash_type", 1) === 1 && dataType !== "float64" ? "float32" : dataType;
  const widen = (value: string): string => castTo(context, value, context.dataType(value), inner);
  const narrow = (value: string | undefined): string | undefined => value && castTo(context, value, inner, dataType);
  const wide = castTo(context, x, dataType, inner);
  const standardised = standardise(context, wide, axes, floatAttribute(node, "epsilon", 1e-5), wide);
  const { centred, reciprocal, value } = standardised;
  const dWide = dY && castTo(context, dY, dataType, inner);
  const intoX: (string | undefined)[] = [];
  if (context.needs(0)) {
    if (dWide)
      intoX.push(standardisedGradient(context, standardised, graph.add("Mul", [dWide, widen(context.input(1))])));
    // mean = Σ x / n
    if (dMean) intoX.push(graph.add("Div", [widen(dMean), countAlong(context, axes, wide)]));
    // r = (Σ (x − μ)² / n + ε)^(−½), so dX = −dr r³ (x − μ) / n
    if (dReciprocal) {
      const cube = graph.add("Mul", [graph.add("Mul", [reciprocal, reciprocal]), graph.add("Neg", [reciprocal])]);
      const share = graph.add("Div", [graph.add("Mul", [widen(dReciprocal), cube]), countAlong(context, axes, wide)]);
      intoX.push(graph.add("Mul", [share, centred]));
    }
  }
  const sum = sumOf(context, intoX);
  const parameter = (gradient: string, index: number): string => backToParameter(context, gradient, index, first);
  return [
    narrow(sum && !dY ? graph.add("Expand", [sum, context.shapeTensor(x)]) : sum),
    // dγ = Σ dY x̂
    dWide && context.needs(1) ? narrow(parameter(graph.add("Mul", [dWide, value]), 1)) : undefined,
    // dβ = Σ dY
    dWide && context.needs(2) ? narrow(parameter(dWide, 2)) : undefined,
  ];
};

/** Sums over the axes that scale or bias was broadcast along: those before the normalised ones, and what it has as extents of 1. */
function backToParameter(context: RuleContext, gradient: string, index: number, first: number): string {
  const parameter = context.input(index);
  const [whole, own] = [context.shape(context.input(0)), context.shape(parameter)];
  const isWhole = own.every((extent, axis) =>
    typeof extent === "number" ? extent !== 1 : extent !== null && extent === whole[first + axis],
  );
  return own.length === whole.length - first && isWhole
    ? reduceSum(context, gradient, range(0, first), false)
    : context.sumTo(gradient, parameter);
}

function countAlong(context: RuleContext, axes: readonly number[], like: string): string {
  const count = product(
    context,
    axes.map((axis) => extentOf(context, context.input(0), axis)),
  );
  return typeof count === "number"
    ? context.scalar(count, like)
    : context.graph.add("Cast", [count], { to: dataTypeCode(context.dataType(like)) });
}
