import { intsAttribute, stringAttribute } from "../../onnx/attributes";
import type { RuleContext } from "../gradient-rule";
import { asVector, dividedBy, extentOf, minus, plus, times, type Extent } from "./extents";

/** How a kernel slides over the spatial axes (those from 2 on); one entry an axis, auto_pad resolved. */
export interface SlidingWindow {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly begin: readonly Extent[];
  readonly end: readonly Extent[];
}

/** The extent a dilated kernel covers. */
export function coverage(window: SlidingWindow, axis: number): number {
  return ((window.kernel[axis] ?? 1) - 1) * (window.dilations[axis] ?? 1) + 1;
}

/** (k − 1) d − p on each side, or undefined where one would be negative or is not known. */
export function complementaryPads(window: SlidingWindow): number[] | undefined {
  const rest = (pads: readonly Extent[]): number[] =>
    pads.map((pad, axis) => (typeof pad === "number" ? coverage(window, axis) - 1 - pad : -1));
  const pads = [...rest(window.begin), ...rest(window.end)];
  return pads.every((pad) => pad >= 0) ? pads : undefined;
}

/** Reads strides, dilations, pads and auto_pad of a node that slides over `input` (Conv and the pools). */
export function slidingWindow(context: RuleContext, input: string, kernel: readonly number[]): SlidingWindow {
  const { node } = context;
  const ones = kernel.map(() => 1);
  const strides = intsAttribute(node, "strides") ?? ones;
  const dilations = intsAttribute(node, "dilations") ?? ones;
  const bare: SlidingWindow = { kernel, strides, dilations, begin: kernel.map(() => 0), end: kernel.map(() => 0) };
  const autoPad = stringAttribute(node, "auto_pad", "NOTSET");
  if (autoPad === "VALID") return bare;
  if (autoPad === "SAME_UPPER" || autoPad === "SAME_LOWER") {
    const totals = kernel.map((_, axis) => samePadding(context, bare, axis, input));
    const begin = totals.map((total) =>
      dividedBy(context, autoPad === "SAME_UPPER" ? total : plus(context, total, 1), 2),
    );
    return { ...bare, begin, end: totals.map((total, axis) => minus(context, total, begin[axis] ?? 0)) };
  }
  const pads = intsAttribute(node, "pads") ?? kernel.flatMap(() => [0, 0]);
  return { ...bare, begin: pads.slice(0, kernel.length), end: pads.slice(kernel.length) };
}

/**
 * SAME: as many outputs as strides fit in, so (ceil(H / s) − 1) s + coverage − H of padding in all. A convolution takes a negative
 * number as none; a pool, in the specification and in onnxruntime, cuts that much off.
 */
function samePadding(context: RuleContext, window: SlidingWindow, axis: number, input: string): Extent {
  const isConvolution = context.node.operator === "Conv";
  if (!isConvolution && window.dilations[axis] !== 1) {
    context.refuse(
      "it combines auto_pad with dilations, which onnxruntime pads otherwise than the specification says; write its pads out",
    );
  }
  const stride = window.strides[axis] ?? 1;
  const covered = coverage(window, axis);
  if (stride === 1) return covered - 1;
  const extent = extentOf(context, input, axis + 2);
  const steps = dividedBy(context, plus(context, extent, stride - 1), stride);
  const total = minus(context, plus(context, times(context, minus(context, steps, 1), stride), covered), extent);
  if (!isConvolution) return total;
  return typeof total === "number" ? Math.max(total, 0) : context.graph.add("Max", [total, context.graph.int64([0])]);
}

/** Pads or (where negative) crops the spatial axes with zeros; no node when there is nothing to do. */
export function padSpatially(
  context: RuleContext,
  value: string,
  begin: readonly Extent[],
  end: readonly Extent[],
): string {
  if ([...begin, ...end].every((extent) => extent === 0)) return value;
  const all = [0, 0, ...begin, 0, 0, ...end];
  const pads = all.every((extent) => typeof extent === "number")
    ? context.graph.int64(all)
    : context.graph.add(
        "Concat",
        all.map((extent) => asVector(context, extent)),
        { axis: 0 },
      );
  return context.graph.add("Pad", [value, pads]);
}
