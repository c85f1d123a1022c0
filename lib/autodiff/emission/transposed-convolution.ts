import type { RuleContext } from "../gradient-rule";
import { extentOf, minus, plus, times, type Extent } from "./extents";
import { coverage, padSpatially, type SlidingWindow } from "./sliding-window";

/**
 * The adjoint of a convolution with `weights` [M, C / group, ...kernel] that slid over something of the shape of `input`:
 * a ConvTranspose of `gradient`, cut or filled up with zeros to that shape's spatial extents.
 */
export function transposedConvolution(
  context: RuleContext,
  gradient: string,
  weights: string,
  group: number,
  window: SlidingWindow,
  input: string,
  output: string,
): string {
  const { graph } = context;
  const { strides, dilations, begin } = window;
  const attributes = { strides, dilations, group };
  const surplus = strides.map((_, axis) => surplusAtEnd(context, window, axis, input, output));
  if (
    begin.every(isNumber) &&
    begin.every((extent) => extent >= 0) &&
    surplus.every(isNumber) &&
    surplus.every((extent, axis) => -extent < (strides[axis] ?? 1))
  ) {
    const pads = [...begin, ...surplus.map((extent) => Math.max(extent, 0))];
    return graph.add("ConvTranspose", [gradient, weights], {
      ...attributes,
      pads,
      output_padding: surplus.map((extent) => Math.max(-extent, 0)),
    });
  }
  const whole = graph.add("ConvTranspose", [gradient, weights], attributes);
  return padSpatially(
    context,
    whole,
    begin.map((extent) => minus(context, 0, extent)),
    surplus.map((extent) => minus(context, 0, extent)),
  );
}

/** By how much the unpadded result, (Ho − 1) s + coverage, reaches beyond the input's end. */
function surplusAtEnd(
  context: RuleContext,
  window: SlidingWindow,
  axis: number,
  input: string,
  output: string,
): Extent {
  const stride = window.strides[axis] ?? 1;
  const end = window.end[axis] ?? 0;
  const known =
    typeof context.shape(input)[axis + 2] === "number" && typeof context.shape(output)[axis + 2] === "number";
  if (stride === 1 && !known && typeof end === "number") return end;
  const whole = plus(
    context,
    times(context, minus(context, extentOf(context, output, axis + 2), 1), stride),
    coverage(window, axis),
  );
  return minus(context, minus(context, whole, window.begin[axis] ?? 0), extentOf(context, input, axis + 2));
}

function isNumber(extent: Extent): extent is number {
  return typeof extent === "number";
}
