import type { RuleContext } from "../gradient-rule";
import { complementaryPads, type SlidingWindow } from "./sliding-window";
import { transposedConvolution } from "./transposed-convolution";

/**
 * dX of y = conv(x, W), where the node's first input is x and its first output y.
 * `flipped` gives W [M, C / group, ...kernel] as [C, M / group, ...kernel] with every kernel turned end for end.
 */
export function convolutionInputGradient(
  context: RuleContext,
  gradient: string,
  weights: string,
  flipped: () => string,
  group: number,
  window: SlidingWindow,
): string {
  const pads = window.strides.every((stride) => stride === 1) ? complementaryPads(window) : undefined;
  // dX = conv(dY, W turned end for end), padded by what the forward padding left of the kernel
  if (pads) return context.graph.add("Conv", [gradient, flipped()], { pads, dilations: window.dilations, group });
  // dX = conv_transpose(dY, W)
  return transposedConvolution(context, gradient, weights, group, window, context.input(0), context.output(0));
}
