import { intAttribute, intsAttribute, stringAttribute } from "../../onnx/attributes";
import { convolutionWeightGradient } from "../emission/convolution-weight-gradient";
import { extentsOf } from "../emission/extents";
import { coverage, padSpatially, type SlidingWindow } from "../emission/sliding-window";
import { range, reduceSum } from "../emission/values";
import type { GradientRule, RuleContext } from "../gradient-rule";

/** ConvTranspose, the adjoint of a convolution with the same weights: its own gradient is that convolution. */
export const convTransposeGradient: GradientRule = (context, [dY]) => {
  if (!dY) return [];
  const [input, weights] = [context.input(0), context.input(1)];
  const dims =
    context.staticShape(weights) ?? context.refuse("its weights have no fixed shape; specialise the shapes first");
  const group = intAttribute(context.node, "group", 1);
  const window = transposedWindow(context, input, dims.slice(2));
  return [
    // dX = conv(dY, W)
    context.needs(0) ? inputGradient(context, dY, weights, group, window) : undefined,
    // dW is that of conv(dY, W) = X, with the parts of input and gradient exchanged
    context.needs(1)
      ? convolutionWeightGradient(context, dY, input, dims, group, window, extentsOf(context, input))
      : undefined,
    // dB = Σ of dY over batch and positions
    context.needs(2) ? reduceSum(context, dY, [0, ...range(2, dims.length)], false) : undefined,
  ];
};

function inputGradient(
  context: RuleContext,
  dY: string,
  weights: string,
  group: number,
  window: SlidingWindow,
): string {
  const { strides, dilations } = window;
  const pads = [...window.begin, ...window.end];
  if (pads.every((pad) => typeof pad === "number" && pad >= 0)) {
    return context.graph.add("Conv", [dY, weights], { strides, dilations, group, pads: pads.map(Number) });
  }
  return context.graph.add("Conv", [padSpatially(context, dY, window.begin, window.end), weights], {
    strides,
    dilations,
    group,
  });
}

/**
 * The window whose convolution takes the output back to the input's extents exactly: output_padding is taken off the padding
 * at the end, and auto_pad and output_shape are resolved as the specification says.
 */
function transposedWindow(context: RuleContext, input: string, kernel: readonly number[]): SlidingWindow {
  const { node } = context;
  const ones = kernel.map(() => 1);
  const zeros = kernel.map(() => 0);
  const strides = intsAttribute(node, "strides") ?? ones;
  const dilations = intsAttribute(node, "dilations") ?? ones;
  const outputPadding = intsAttribute(node, "output_padding") ?? zeros;
  const bare: SlidingWindow = { kernel, strides, dilations, begin: zeros, end: zeros };
  const autoPad = stringAttribute(node, "auto_pad", "NOTSET");
  const wanted = intsAttribute(node, "output_shape")?.slice(-kernel.length);
  const paddingAt = (axis: number, begin: number, end: number): { begin: number; end: number } => ({
    begin,
    end: end - (outputPadding[axis] ?? 0),
  });
  const paddings = kernel.map((_, axis) => {
    const natural = coverage(bare, axis) + (outputPadding[axis] ?? 0);
    const stride = strides[axis] ?? 1;
    if (wanted || autoPad.startsWith("SAME")) {
      const total = wanted
        ? stride * (knownExtent(context, input, axis) - 1) + natural - (wanted[axis] ?? 0)
        : natural - stride;
      const padding = Math.max(total, 0);
      const half = Math.floor(padding / 2);
      return autoPad === "SAME_UPPER" ? paddingAt(axis, half, padding - half) : paddingAt(axis, padding - half, half);
    }
    const pads = autoPad === "VALID" ? [] : (intsAttribute(node, "pads") ?? []);
    return paddingAt(axis, pads[axis] ?? 0, pads[axis + kernel.length] ?? 0);
  });
  return { ...bare, begin: paddings.map(({ begin }) => begin), end: paddings.map(({ end }) => end) };
}

function knownExtent(context: RuleContext, input: string, axis: number): number {
  const extent = context.shape(input)[axis + 2];
  return typeof extent === "number"
    ? extent
    : context.refuse("output_shape needs the input's extents; specialise the shapes first");
}
