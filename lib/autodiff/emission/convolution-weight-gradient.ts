import type { RuleContext } from "../gradient-rule";
import { depthwiseForm, depthwiseWeightGradient } from "./depthwise-weight-gradient";
import { extentOf, extentsOf, minus, plus, product, reshape, shapeVector, times, type Extent } from "./extents";
import { complementaryPads, coverage, padSpatially, type SlidingWindow } from "./sliding-window";
import { range, reduceSum } from "./values";

/** Beyond this many taps one convolution costs less than a slice and a product for each. */
const mostTaps = 64;
/** Rows that make a matrix product worth its call; taps of narrow maps are joined up to here. */
const rowsWanted = 128;

/**
 * dW [M, C / group, ...kernel] of y = conv(x, W): dW[m, c, k] = Σ over n, o of dY[n, m, o] · X[n, c, o s + k d − p].
 * `input` is x (not padded), `gradient` is dY, [N, M, ...].
 */
export function convolutionWeightGradient(
  context: RuleContext,
  input: string,
  gradient: string,
  dims: readonly number[],
  group: number,
  window: SlidingWindow,
  outputExtents: readonly Extent[],
): string {
  const depthwise = depthwiseForm(context, input, dims, group, window, outputExtents);
  if (depthwise) return depthwiseWeightGradient(context, input, gradient, depthwise);
  const taps = window.kernel.reduce((count, extent) => count * extent, 1);
  return taps <= mostTaps
    ? fromProducts(context, input, gradient, dims, group, window, outputExtents)
    : fromConvolution(context, input, gradient, dims, group, window, outputExtents);
}

/** One of the two maps whose products are summed up, with its channels a group and its spatial extents. */
interface Side {
  readonly value: string;
  readonly channels: number;
  readonly extents: readonly Extent[];
}

/** The side that is shifted tap by tap, padded, and what a tap sees of it. */
interface SlicedSide extends Side {
  slice(source: string, offset: readonly number[]): string;
}

/**
 * Each tap sees a strided slice of x: dW[…, k] = Σn dY · sliceₖᵀ, one matrix product for a few taps together. Where the stride is 1 the
 * tap may shift dY the other way instead, and does where dY has fewer channels to copy.
 */
function fromProducts(
  context: RuleContext,
  input: string,
  gradient: string,
  dims: readonly number[],
  group: number,
  window: SlidingWindow,
  outputExtents: readonly Extent[],
): string {
  const { graph } = context;
  const [outputs = 1, inputsPerGroup = 1, ...kernel] = dims;
  const [batch = 1, , ...steps] = outputExtents;
  const taps = tapOffsets(window);
  const gradientSide: Side = { value: gradient, channels: outputs / group, extents: steps };
  const inputSide: Side = { value: input, channels: inputsPerGroup, extents: extentsOf(context, input).slice(2) };
  const shifted = shiftedGradient(context, gradientSide, inputSide, window, taps.length);
  const sliced: SlicedSide = shifted ?? {
    ...inputSide,
    value: padSpatially(context, input, window.begin, window.end),
    extents: steps,
    slice: (source, offset) => tapSlice(context, source, window, offset, steps),
  };
  const other = shifted ? inputSide : gradientSide;
  const products = (paysToJoinBatch(dims, group, outputExtents) ? joinedBatchProducts : separateProducts)(
    context,
    sliced,
    other,
    group,
    batch,
  );
  const parts = Math.ceil((taps.length * sliced.channels) / rowsWanted);
  const together = Math.ceil(taps.length / Math.min(parts, taps.length));
  const rows = range(0, Math.ceil(taps.length / together)).map((part) => {
    const offsets = taps.slice(part * together, (part + 1) * together);
    return graph.add("Reshape", [
      products(offsets),
      graph.int64([group, offsets.length, sliced.channels, other.channels]),
    ]);
  });
  // [group, taps, …] becomes [group, M / group, C / group, taps]
  const ordered = graph.add("Transpose", [joined(context, rows, 1)], { perm: shifted ? [0, 2, 3, 1] : [0, 3, 2, 1] });
  return graph.add("Reshape", [ordered, graph.int64([outputs, inputsPerGroup, ...kernel])]);
}

/** dY padded so that a slice of x's extents, from (K − 1 − k) d on, is what tap k multiplies x with; undefined where x is rather sliced. */
function shiftedGradient(
  context: RuleContext,
  gradient: Side,
  input: Side,
  window: SlidingWindow,
  taps: number,
): SlicedSide | undefined {
  const pads = complementaryPads(window);
  const copiesLess = gradient.channels < input.channels;
  // What is sliced gives the rows of the products. One tap copies nothing, and more rows are better.
  if (!pads || window.strides.some((stride) => stride !== 1) || copiesLess === (taps === 1)) return undefined;
  const axes = window.kernel.length;
  return {
    ...gradient,
    value: padSpatially(context, gradient.value, pads.slice(0, axes), pads.slice(axes)),
    extents: input.extents,
    slice: (source, offset) =>
      tapSlice(
        context,
        source,
        window,
        offset.map((shift, axis) => coverage(window, axis) - 1 - shift),
        input.extents,
      ),
  };
}

/** Gives, for some taps, [taps · channels of what is sliced, channels of the other] (with the groups in front). */
type TapProducts = (offsets: readonly (readonly number[])[]) => string;

/** Σ over the batch of slicesₙ otherₙᵀ, one product an image. */
function separateProducts(
  context: RuleContext,
  sliced: SlicedSide,
  other: Side,
  group: number,
  batch: Extent,
): TapProducts {
  const { graph } = context;
  const positions = product(context, sliced.extents);
  const flat = (value: string, { channels }: Side): string =>
    reshape(context, value, [batch, group, channels, positions]);
  const columns = graph.add("Transpose", [flat(other.value, other)], { perm: [0, 1, 3, 2] });
  return (offsets) => {
    const rows = joined(
      context,
      offsets.map((offset) => flat(sliced.slice(sliced.value, offset), sliced)),
      2,
    );
    return reduceSum(context, graph.add("MatMul", [rows, columns]), [0], false);
  };
}

/** The same as one product over batch and positions together. */
function joinedBatchProducts(
  context: RuleContext,
  sliced: SlicedSide,
  other: Side,
  _group: number,
  batch: Extent,
): TapProducts {
  const { graph } = context;
  const positions = product(context, [batch, ...sliced.extents]);
  const channelsFirst = [1, 0, ...sliced.extents.map((_, axis) => axis + 2)];
  const source = graph.add("Transpose", [sliced.value], { perm: channelsFirst });
  const columns = reshape(context, graph.add("Transpose", [other.value], { perm: channelsFirst }), [
    other.channels,
    positions,
  ]);
  return (offsets) => {
    const rows = joined(
      context,
      offsets.map((offset) => reshape(context, sliced.slice(source, offset), [sliced.channels, positions])),
      0,
    );
    return graph.add("Gemm", [rows, columns], { transB: 1 });
  };
}

/** Exchanging batch and channels copies both operands once; products an image write a whole gradient each, tap by tap. */
function paysToJoinBatch(
  [outputs = 1, inputs = 1, ...kernel]: readonly number[],
  group: number,
  [, , ...steps]: readonly Extent[],
): boolean {
  const positions = steps.reduce<number>(
    (count, extent) => count * (typeof extent === "number" ? extent : Infinity),
    1,
  );
  const taps = kernel.reduce((count, extent) => count * extent, 1);
  return group === 1 && 2 * taps * outputs * inputs > (outputs + inputs) * positions;
}

function joined(context: RuleContext, parts: readonly string[], axis: number): string {
  return parts.length === 1 ? (parts[0] ?? "") : context.graph.add("Concat", parts, { axis });
}

/** Every tap's offset (k d, one entry an axis), in row-major order of the kernel. */
export function tapOffsets(window: SlidingWindow): number[][] {
  return window.kernel.reduce<number[][]>(
    (offsets, extent, axis) =>
      offsets.flatMap((offset) => range(0, extent).map((tap) => [...offset, tap * (window.dilations[axis] ?? 1)])),
    [[]],
  );
}

/** What one tap of the window sees of the padded input: `steps` positions an axis, from `offset` on, a stride apart. */
export function tapSlice(
  context: RuleContext,
  padded: string,
  window: SlidingWindow,
  offset: readonly number[],
  steps: readonly Extent[],
): string {
  const { graph } = context;
  if (window.kernel.every((extent, axis) => extent === 1 && window.strides[axis] === 1)) return padded;
  const ends = steps.map((count, axis) =>
    plus(context, times(context, minus(context, count, 1), window.strides[axis] ?? 1), (offset[axis] ?? 0) + 1),
  );
  const axes = graph.int64(range(2, 2 + steps.length));
  return graph.add("Slice", [
    padded,
    graph.int64(offset),
    shapeVector(context, ends),
    axes,
    graph.int64(window.strides),
  ]);
}

/** dWᵀ = conv(Xᵀ, dYᵀ) with batch and channels exchanged, strides and dilations too. */
function fromConvolution(
  context: RuleContext,
  input: string,
  gradient: string,
  dims: readonly number[],
  group: number,
  window: SlidingWindow,
  outputExtents: readonly Extent[],
): string {
  const { graph } = context;
  const [outputs = 1, inputsPerGroup = 1, ...kernel] = dims;
  const spatial = range(0, kernel.length);
  const [batch = 1] = outputExtents;
  const padded = padSpatially(context, input, window.begin, window.end);
  const extents = spatial.map((axis) =>
    plus(context, plus(context, extentOf(context, input, axis + 2), window.begin[axis] ?? 0), window.end[axis] ?? 0),
  );
  const split = reshape(context, padded, [batch, group, inputsPerGroup, ...extents]);
  const exchanged = graph.add("Transpose", [split], { perm: [2, 1, 0, ...spatial.map((axis) => axis + 3)] });
  const images = reshape(context, exchanged, [inputsPerGroup, times(context, group, batch), ...extents]);
  const kernels = graph.add("Transpose", [gradient], { perm: [1, 0, ...spatial.map((axis) => axis + 2)] });
  const whole = graph.add("Conv", [images, kernels], { group, strides: window.dilations, dilations: window.strides });
  const cut = graph.add("Slice", [
    whole,
    graph.int64(kernel.map(() => 0)),
    graph.int64(kernel),
    graph.int64(spatial.map((axis) => axis + 2)),
  ]);
  const ordered = graph.add("Transpose", [cut], { perm: [1, 0, ...spatial.map((axis) => axis + 2)] });
  return graph.add("Reshape", [ordered, graph.int64([outputs, inputsPerGroup, ...kernel])]);
}
