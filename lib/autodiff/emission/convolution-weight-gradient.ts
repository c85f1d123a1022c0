import type { RuleContext } from "../gradient-rule";
import { extentOf, minus, plus, product, reshape, shapeVector, times, type Extent } from "./extents";
import { padSpatially, type SlidingWindow } from "./sliding-window";
import { range, reduceSum } from "./values";

/** Beyond this many taps one convolution costs less than a slice and a product for each. */
const mostTaps = 64;
/** Columns that make a matrix product worth its call; taps of narrow inputs are joined up to here. */
const columnsWanted = 64;

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
  const steps = outputExtents.slice(2);
  const taps = tapOffsets(window);
  const padded = padSpatially(context, input, window.begin, window.end);
  const products = paysToJoinBatch(dims, group, outputExtents)
    ? joinedBatchProducts(context, padded, gradient, dims, outputExtents)
    : separateProducts(context, padded, gradient, dims, group, outputExtents);
  const together = Math.max(1, Math.floor(columnsWanted / inputsPerGroup));
  const columns = range(0, Math.ceil(taps.length / together)).map((part) => {
    const offsets = taps.slice(part * together, (part + 1) * together);
    const summed = products(offsets.map((offset) => (source) => tapSlice(context, source, window, offset, steps)));
    return graph.add("Reshape", [summed, graph.int64([outputs, offsets.length, inputsPerGroup])]);
  });
  const all = columns.length === 1 ? (columns[0] ?? "") : graph.add("Concat", columns, { axis: 1 });
  const ordered = taps.length === 1 ? all : graph.add("Transpose", [all], { perm: [0, 2, 1] });
  return graph.add("Reshape", [ordered, graph.int64([outputs, inputsPerGroup, ...kernel])]);
}

/** Gives [M, taps · C / group] (or the same split by groups) from functions that slice what each tap sees. */
type TapProducts = (slices: readonly ((source: string) => string)[]) => string;

/** Σ over the batch of dYₙ sliceₙᵀ, one product an image. */
function separateProducts(
  context: RuleContext, padded: string, gradient: string, dims: readonly number[], group: number, [batch = 1, , ...steps]: readonly Extent[],
): TapProducts {
  const { graph } = context;
  const [outputs = 1, inputsPerGroup = 1] = dims;
  const positions = product(context, steps);
  const rows = reshape(context, gradient, [batch, group, outputs / group, positions]);
  return (slices) => {
    const columns = joined(context, slices.map((slice) => reshape(context, slice(padded), [batch, group, inputsPerGroup, positions])), 2);
    return reduceSum(context, graph.add("MatMul", [rows, graph.add("Transpose", [columns], { perm: [0, 1, 3, 2] })]), [0], false);
  };
}

/** The same as one product over batch and positions together. */
function joinedBatchProducts(
  context: RuleContext, padded: string, gradient: string, dims: readonly number[], [batch = 1, , ...steps]: readonly Extent[],
): TapProducts {
  const { graph } = context;
  const [outputs = 1, inputs = 1] = dims;
  const positions = product(context, [batch, ...steps]);
  const channelsFirst = [1, 0, ...steps.map((_, axis) => axis + 2)];
  const source = graph.add("Transpose", [padded], { perm: channelsFirst });
  const rows = reshape(context, graph.add("Transpose", [gradient], { perm: channelsFirst }), [outputs, positions]);
  return (slices) => {
    const columns = joined(context, slices.map((slice) => reshape(context, slice(source), [inputs, positions])), 0);
    return graph.add("Gemm", [rows, columns], { transB: 1 });
  };
}

/** Exchanging batch and channels copies both operands once; products an image write a whole gradient each, tap by tap. */
function paysToJoinBatch([outputs = 1, inputs = 1, ...kernel]: readonly number[], group: number, [, , ...steps]: readonly Extent[]): boolean {
  const positions = steps.reduce<number>((count, extent) => count * (typeof extent === "number" ? extent : Infinity), 1);
  const taps = kernel.reduce((count, extent) => count * extent, 1);
  return group === 1 && 2 * taps * outputs * inputs > (outputs + inputs) * positions;
}

function joined(context: RuleContext, parts: readonly string[], axis: number): string {
  return parts.length === 1 ? (parts[0] ?? "") : context.graph.add("Concat", parts, { axis });
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
