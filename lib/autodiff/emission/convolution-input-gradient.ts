import type { RuleContext } from "../gradient-rule";
import type { Extent } from "./extents";
import { coverage, type SlidingWindow } from "./sliding-window";
import { transposedConvolution } from "./transposed-convolution";

/**
 * dX of y = conv(x, W), where the node's first input is x and its first output y.
 * `flipped` gives W [M, C / group, ...kernel] as [C, M / group, ...kernel] with every kernel turned end for end.
 */
export function convolutionInputGradient(
  context: RuleContext, gradient: string, weights: string, flipped: () => string, group: number, window: SlidingWindow,
): string {
  const pads = window.strides.every((stride) => stride === 1) ? complementaryPads(window) : undefined;
  // dX = conv(dY, W turned end for end), padded by what the forward padding left of the kernel
  if (pads) return context.graph.add("Conv", [gradient, flipped()], { pads, dilations: window.dilations, group });
  // dX = conv_transpose(dY, W)
  return transposedConvolution(context, gradient, weights, group, window, context.input(0), context.output(0));
}

/** (k − 1) d − p on each side, or undefined where one would be negative or is not known. */
function complementaryPads(window: SlidingWindow): number[] | undefined {
  const rest = (pads: readonly Extent[]): number[] => pads.map((pad, axis) => (typeof pad === "number" ? coverage(window, axis) - 1 - pad : -1));
  const pads = [...rest(window.begin), ...rest(window.end)];
  return pads.every((pad) => pad >= 0) ? pads : undefined;
}
