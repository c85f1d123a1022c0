import type { RuleContext } from "../gradient-rule";
import type { Extent } from "./extents";
import { padSpatially, type SlidingWindow } from "./sliding-window";
import { range, realConstant } from "./values";

/** A depthwise convolution over two axes, every extent of which is known. */
interface DepthwiseForm {
  readonly batch: number;
  readonly channels: number;
  readonly kernel: readonly [rows: number, columns: number];
  readonly strides: readonly [rows: number, columns: number];
  readonly dilations: readonly [rows: number, columns: number];
  readonly begin: readonly [rows: number, columns: number];
  readonly end: readonly [rows: number, columns: number];
  readonly seen: readonly [rows: number, columns: number];
  readonly outputs: readonly [rows: number, columns: number];
}

/** What `depthwiseWeightGradient` needs to know; undefined for a convolution that is not depthwise, or is open in some extent. */
export function depthwiseForm(
  context: RuleContext,
  input: string,
  dims: readonly number[],
  group: number,
  window: SlidingWindow,
  outputExtents: readonly Extent[],
): DepthwiseForm | undefined {
  const [outputs, perGroup] = dims;
  const shape = context.shape(input).filter((extent) => typeof extent === "number");
  const [batch, channels] = shape;
  const [kernel, strides, dilations] = [pair(window.kernel), pair(window.strides), pair(window.dilations)];
  const [begin, end] = [pair(window.begin), pair(window.end)];
  const [seen, made] = [pair(shape.slice(2)), pair(outputExtents.slice(2))];
  if (batch === undefined || channels === undefined || outputs !== group || perGroup !== 1 || channels !== group)
    return undefined;
  if (!kernel || !strides || !dilations || !begin || !end || !seen || !made) return undefined;
  return { batch, channels, kernel, strides, dilations, begin, end, seen, outputs: made };
}

/**
 * dW [C, 1, Kh, Kw] of a depthwise convolution. With rows and columns apart, for every channel and row k of the kernel
 *   G[w, o] = Σ over images and rows r of X[r s + k d − p, w] · dY[r, o],   dW[k, l] = Σ over o of G[o s + l d − p, o]:
 * products of matrices as large as the batch is, instead of a slice of the whole map for each tap. Rows of X are taken s together, in
 * blocks, of which row k of the kernel sees the one ⌊(k d − p) / s⌋ further than its output: a block that is not shifted is not copied.
 */
export function depthwiseWeightGradient(
  context: RuleContext,
  input: string,
  gradient: string,
  form: DepthwiseForm,
): string {
  const { graph } = context;
  const { batch, channels, kernel, strides, dilations, begin, seen, outputs } = form;
  const [stride] = strides;
  const blocks = Math.ceil(seen[0] / stride);
  const channelsFirst = (value: string): string => graph.add("Transpose", [value], { perm: [1, 0, 2, 3] });
  const filled = padSpatially(context, channelsFirst(input), [0, 0], [blocks * stride - seen[0], 0]);
  const ofInput = graph.add("Reshape", [filled, graph.int64([channels, batch, blocks, stride * seen[1]])]);
  const ofGradient = channelsFirst(gradient);
  const offsets = range(0, kernel[0]).map((row) => row * dilations[0] - begin[0]);
  const shifts = [...new Set(offsets.map((offset) => Math.floor(offset / stride)))];
  const taps = realConstant(context, bands(form), [seen[1] * outputs[1], kernel[1]], input);
  const parts = shifts.map((shift) => {
    const [first, end] = [Math.max(0, -shift), Math.min(outputs[0], blocks - shift)];
    if (first >= end)
      return realConstant(
        context,
        range(0, channels * stride * kernel[1]).map(() => 0),
        [channels, stride, kernel[1]],
        input,
      );
    const flat = (value: string, from: number, rows: number): string =>
      graph.add("Reshape", [
        rowsOf(context, value, from, end - first, rows),
        graph.int64([channels, batch * (end - first), -1]),
      ]);
    const across = graph.add("Transpose", [flat(ofInput, first + shift, blocks)], { perm: [0, 2, 1] });
    const product = graph.add("MatMul", [across, flat(ofGradient, first, outputs[0])]);
    const columns = graph.add("Reshape", [product, graph.int64([channels, stride, seen[1] * outputs[1]])]);
    return graph.add("MatMul", [columns, taps]);
  });
  const joined = parts.length === 1 ? (parts[0] ?? "") : graph.add("Concat", parts, { axis: 1 });
  const places = offsets.map((offset) => {
    const shift = Math.floor(offset / stride);
    return shifts.indexOf(shift) * stride + offset - shift * stride;
  });
  const rows = graph.add("Gather", [joined, graph.int64(places)], { axis: 1 });
  return graph.add("Reshape", [rows, graph.int64([channels, 1, ...kernel])]);
}

/** Some of the rows of [C, N, rows, …]; the value itself where that is all of them. */
function rowsOf(context: RuleContext, value: string, from: number, count: number, rows: number): string {
  if (count === rows) return value;
  const { graph } = context;
  return graph.add("Slice", [value, graph.int64([from]), graph.int64([from + count]), graph.int64([2])]);
}

/** [W · Wo, Kw]: 1 where output o sees column w by tap l, which is where w = o s + l d − p. */
function bands({ kernel, strides, dilations, begin, seen, outputs }: DepthwiseForm): number[] {
  return range(0, seen[1]).flatMap((column) =>
    range(0, outputs[1]).flatMap((output) =>
      range(0, kernel[1]).map((tap) => (column === output * strides[1] + tap * dilations[1] - begin[1] ? 1 : 0)),
    ),
  );
}

function pair(values: readonly unknown[]): readonly [number, number] | undefined {
  const [first, second] = values;
  return values.length === 2 && typeof first === "number" && typeof second === "number" ? [first, second] : undefined;
}
