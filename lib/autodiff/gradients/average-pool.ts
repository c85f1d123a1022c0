import { intAttribute, intsAttribute } from "../../onnx/attributes";
import { dataTypeCode } from "../../onnx/data-types";
import { asVector, extentOf, minus, plus, type Extent } from "../emission/extents";
import { foldWindows } from "../emission/fold-windows";
import { slidingWindow, type SlidingWindow } from "../emission/sliding-window";
import { range, realConstant } from "../emission/values";
import type { GradientRule, RuleContext } from "../gradient-rule";

/** AveragePool, whatever the padding, the rounding of the number of windows and the way of counting. */
export const averagePoolGradient: GradientRule = (context, [dY]) => {
  if (!dY) return [];
  const kernel = intsAttribute(context.node, "kernel_shape") ?? context.refuse("it has no kernel_shape");
  const window = slidingWindow(context, context.input(0), kernel);
  // dX[i] = Σ of dY / (number of elements averaged) over the windows that hold i
  return [foldWindows(context, dividedByCounts(context, dY, window), window)];
};

/** How many elements a window averages is a product over the axes: each axis gives its vector of counts. */
function dividedByCounts(context: RuleContext, dY: string, window: SlidingWindow): string {
  const { graph } = context;
  const x = context.input(0);
  const taps = window.kernel.reduce((count, extent) => count * extent, 1);
  if (window.kernel.every((_, axis) => isWholeEverywhere(context, window, axis)))
    return graph.add("Mul", [dY, context.scalar(1 / taps, x)]);
  const bounds = window.kernel.map((_, axis) => ({
    positions: extentOf(context, context.output(0), axis + 2),
    ...countedRange(context, window, axis),
  }));
  const known = bounds.flatMap(({ positions, first, beyond }, axis) =>
    isNumber(positions) && isNumber(first) && isNumber(beyond)
      ? [countsOf(window, axis, positions, first, beyond)]
      : [],
  );
  if (known.length === bounds.length) {
    const reciprocals = known.reduce(
      (numbers, counts) => numbers.flatMap((number) => counts.map((count) => number / count)),
      [1],
    );
    return graph.add("Mul", [
      dY,
      realConstant(
        context,
        reciprocals,
        known.map((counts) => counts.length),
        x,
      ),
    ]);
  }
  return bounds.reduce((value, { positions, first, beyond }, axis) => {
    const counts = countsAtRunTime(context, window, axis, positions, first, beyond);
    const column = graph.add("Reshape", [
      counts,
      graph.int64([-1, ...range(axis + 1, window.kernel.length).map(() => 1)]),
    ]);
    return graph.add("Div", [value, column]);
  }, dY);
}

/** Whether every window has all its taps counted along an axis, whatever the extents. */
function isWholeEverywhere(context: RuleContext, window: SlidingWindow, axis: number): boolean {
  const { node } = context;
  const unpadded = window.begin[axis] === 0 && window.end[axis] === 0;
  return intAttribute(node, "ceil_mode", 0) === 0 && (unpadded || intAttribute(node, "count_include_pad", 0) === 1);
}

/** Which coordinates of the input count: with count_include_pad the padding too, but nothing beyond it. */
function countedRange(context: RuleContext, window: SlidingWindow, axis: number): { first: Extent; beyond: Extent } {
  const extent = extentOf(context, context.input(0), axis + 2);
  if (intAttribute(context.node, "count_include_pad", 0) === 0) return { first: 0, beyond: extent };
  return { first: minus(context, 0, window.begin[axis] ?? 0), beyond: plus(context, extent, window.end[axis] ?? 0) };
}

function countsOf(window: SlidingWindow, axis: number, positions: number, first: number, beyond: number): number[] {
  const { stride, taps } = along(window, axis);
  const begin = Number(window.begin[axis] ?? 0);
  return range(0, positions).map(
    (position) =>
      taps.filter((tap) => {
        const coordinate = position * stride - begin + tap;
        return coordinate >= first && coordinate < beyond;
      }).length,
  );
}

/** As `countsOf`, in the graph: [positions, taps] coordinates, compared and counted. */
function countsAtRunTime(
  context: RuleContext,
  window: SlidingWindow,
  axis: number,
  positions: Extent,
  first: Extent,
  beyond: Extent,
): string {
  const { graph } = context;
  const { stride, taps } = along(window, axis);
  const last = graph.add("Squeeze", [asVector(context, positions)]);
  const starts = graph.add("Mul", [graph.add("Range", [graph.int64(0), last, graph.int64(1)]), graph.int64(stride)]);
  const padded = graph.add("Sub", [starts, asVector(context, window.begin[axis] ?? 0)]);
  const coordinates = graph.add("Add", [graph.add("Unsqueeze", [padded, graph.int64([1])]), graph.int64(taps)]);
  const counted = graph.add("And", [
    graph.add("GreaterOrEqual", [coordinates, asVector(context, first)]),
    graph.add("Less", [coordinates, asVector(context, beyond)]),
  ]);
  const numbers = graph.add("Cast", [counted], { to: dataTypeCode(context.dataType(context.input(0))) });
  return graph.add("ReduceSum", [numbers, graph.int64([1])], { keepdims: 0 });
}

function along(window: SlidingWindow, axis: number): { stride: number; taps: number[] } {
  const dilation = window.dilations[axis] ?? 1;
  return { stride: window.strides[axis] ?? 1, taps: range(0, window.kernel[axis] ?? 1).map((tap) => tap * dilation) };
}

function isNumber(extent: Extent): extent is number {
  return typeof extent === "number";
}
