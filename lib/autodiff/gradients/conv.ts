import { intAttribute } from "../../onnx/attributes";
import { convolutionInputGradient } from "../emission/convolution-input-gradient";
import { convolutionWeightGradient } from "../emission/convolution-weight-gradient";
import { flippedWeights } from "../emission/convolution-weights";
import { extentsOf } from "../emission/extents";
import { slidingWindow } from "../emission/sliding-window";
import { range, reduceSum } from "../emission/values";
import type { GradientRule } from "../gradient-rule";

/** Conv, any number of spatial axes, groups, strides, dilations and paddings. */
export const convGradient: GradientRule = (context, [dY]) => {
  if (!dY) return [];
  const [input, weights] = [context.input(0), context.input(1)];
  const dims =
    context.staticShape(weights) ?? context.refuse("its weights have no fixed shape; specialise the shapes first");
  const group = intAttribute(context.node, "group", 1);
  const window = slidingWindow(context, input, dims.slice(2));
  // weights that are themselves differentiated may be exchanged later, so nothing is made of their present values
  const flipped = (): string =>
    flippedWeights(context, weights, dims, group, context.needs(1) ? undefined : context.constantValue(weights));
  return [
    context.needs(0) ? convolutionInputGradient(context, dY, weights, flipped, group, window) : undefined,
    context.needs(1)
      ? convolutionWeightGradient(context, input, dY, dims, group, window, extentsOf(context, context.output(0)))
      : undefined,
    // dB = Σ of dY over batch and positions
    context.needs(2) ? reduceSum(context, dY, [0, ...range(2, dims.length)], false) : undefined,
  ];
};
