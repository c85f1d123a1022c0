import type { RuleContext } from "../gradient-rule";
import { extentOf, minus, plus, product, reshape, shapeVector, times, type Extent } from "./extents";
import { padSpatially, type SlidingWindow } from "./sliding-window";
import { range, reduceSum } from "./values";

/** Beyond this many taps one convolution costs less than a slice and a product for each. */
const mostTaps = 64;
/** Columns that make a matrix product worth its call; taps of narrow inputs are joined up to here. */
const columnsWanted = 128;

/**
 * dW [M, C / group, ...kernel] of y = conv(x, W): dW[m, c, k] = Σ over n, o of dY[n, m, o] · X[n, c, o s + k d − p].
 * `input` is x (not padded), `gradient` is dY, [N, M, ...].
 */
export function convolutionWeightGradient(
  context: RuleContext, input: string, gradient: string, dims: readonly number[], group: number, window: SlidingWindow, outputExtents: readonly Extent[],
): string {
  const taps = window.kernel.reduce((count, extent) => count * extent, 1);
  return taps <= mostTaps
    ? fromProducts(context, input, gradient, dims, group, window, outputExtents)
    : fromConvolution(context, input, gradient, dims, group, window, outputExtents);
}

/** Each tap sees a strided slice of x: dW[…, k] = Σn dY · sliceₖᵀ, one matrix product for a few taps together. */
function fromProducts(
  context: RuleContext, input: string, gradient: string, dims: readonly number[], group: number, window: SlidingWindow, outputExtents: readonly Extent[],
): string {
  const { graph } = context;
  const [outputs = 1, inputsPerGroup = 1, ...kernel] = dims;
  const [batch = 1, , ...steps] = outputExtents;
  const positions = product(context, steps);
  const rows = reshape(context, gradient, [batch, group, outputs / group, positions]);
  const padded = padSpatially(context, input, window.begin, window.end);
  const taps = tapOffsets(window);
  const together = Math.max(1, Math.floor(columnsWanted / inputsPerGroup));
  const columns = range(0, Math.ceil(taps.length / together)).map((part) => {
    const offsets = taps.slice(part * together, (part + 1) * together);
    const slices = offsets.map((offset) => reshape(context, tapSlice(context, padded, window, offset, steps), [batch, group, inputsPerGroup, positions]));
    const joined = slices.length === 1 ? (slices[0] ?? "") : graph.add("Concat", slices, { axis: 2 });
    const products = graph.add("MatMul", [rows, graph.add("Transpose", [joined], { perm: [0, 1, 3, 2] })]);
    const summed = reduceSum(context, products, [0], false);
    return graph.add("Reshape", [summed, graph.int64([outputs, offsets.length, inputsPerGroup])]);
  });
  const all = columns.length === 1 ? (columns[0] ?? "") : graph.add("Concat", columns, { axis: 1 });
  const ordered = taps.length === 1 ? all : graph.add("Transpose", [all], { perm: [0, 2, 1] });
  return graph.add("Reshape", [ordered, graph.int64([outputs, inputsPerGroup, ...kernel])]);
}

/** Every tap's offset (k d, one entry an axis), in row-major order of the kernel. */
export function tapOffsets(window: SlidingWindow): number[][] {
  return window.kernel.reduce<number[][]>(
    (offsets, extent, axis) => offsets.flatMap((offset) => range(0, extent).map((tap) => [...offset, tap * (window.dilations[axis] ?? 1)])),
    [[]],
  );
}

/** What one tap of the window sees of the padded input: `steps` positions an axis, from `offset` on, a stride apart. */
export function tapSlice(context: RuleContext, padded: string, window: SlidingWindow, offset: readonly number[], steps: readonly Extent[]): string {
  const { graph } = context;
  if (window.kernel.every((extent, axis) => extent === 1 && window.strides[axis] === 1)) return padded;
  const ends = steps.map((count, axis) => plus(context, times(context, minus(context, count, 1), window.strides[axis] ?? 1), (offset[axis] ?? 0) + 1));
  const axes = graph.int64(range(2, 2 + steps.length));
  return graph.add("Slice", [padded, graph.int64(offset), shapeVector(context, ends), axes, graph.int64(window.strides)]);
}

/** dWᵀ = conv(Xᵀ, dYᵀ) with batch and channels exchanged, strides and dilations too. */
function fromConvolution(
  context: RuleContext, input: string, gradient: string, dims: readonly number[], group: number, window: SlidingWindow, outputExtents: readonly Extent[],
): string {
  const { graph } = context;
  const [outputs = 1, inputsPerGroup = 1, ...kernel] = dims;
  const spatial = range(0, kernel.length);
  const [batch = 1] = outputExtents;
  const padded = padSpatially(context, input, window.begin, window.end);
  const extents = spatial.map((axis) => plus(context, plus(context, extentOf(context, input, axis + 2), window.begin[axis] ?? 0), window.end[axis] ?? 0));
  const split = reshape(context, padded, [batch, group, inputsPerGroup, ...extents]);
  const exchanged = graph.add("Transpose", [split], { perm: [2, 1, 0, ...spatial.map((axis) => axis + 3)] });
  const images = reshape(context, exchanged, [inputsPerGroup, times(context, group, batch), ...extents]);
  const kernels = graph.add("Transpose", [gradient], { perm: [1, 0, ...spatial.map((axis) => axis + 2)] });
  const whole = graph.add("Conv", [images, kernels], { group, strides: window.dilations, dilations: window.strides });
  const cut = graph.add("Slice", [whole, graph.int64(kernel.map(() => 0)), graph.int64(kernel), graph.int64(spatial.map((axis) => axis + 2))]);
  const ordered = graph.add("Transpose", [cut], { perm: [1, 0, ...spatial.map((axis) => axis + 2)] });
  return graph.add("Reshape", [ordered, graph.int64([outputs, inputsPerGroup, ...kernel])]);
}
