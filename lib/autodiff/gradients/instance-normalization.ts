import { floatAttribute } from "../../onnx/attributes";
import { standardise, standardisedGradient } from "../emission/standardised";
import { range, reduceSum } from "../emission/values";
import type { GradientRule } from "../gradient-rule";

/** InstanceNormalization: mean and variance of each channel of each image. */
export const instanceNormalizationGradient: GradientRule = (context, [dY]) => {
  if (!dY) return [];
  const { graph, node } = context;
  const x = context.input(0);
  const axes = range(2, context.rank(x));
  const standardised = standardise(context, x, axes, floatAttribute(node, "epsilon", 1e-5), x);
  const scale = graph.add("Reshape", [context.input(1), graph.int64([-1, ...axes.map(() => 1)])]);
  return [
    context.needs(0) ? standardisedGradient(context, standardised, graph.add("Mul", [dY, scale])) : undefined,
    // dγ = Σ dY x̂
    context.needs(1) ? reduceSum(context, graph.add("Mul", [dY, standardised.value]), [0, ...axes], false) : undefined,
    // dβ = Σ dY
    context.needs(2) ? reduceSum(context, dY, [0, ...axes], false) : undefined,
  ];
};
