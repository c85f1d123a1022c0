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
 * products of matrices as large as the batch is, instead of a slice of the whole map for each tap.
 */
export function depthwiseWeightGradient(
  context: RuleContext,
  input: string,
  gradient: string,
  form: DepthwiseForm,
): string {
  const { graph } = context;
  const { batch, channels, kernel, strides, dilations, begin, end, seen, outputs } = form;
  const channelsFirst = (value: string): string => graph.add("Transpose", [value], { perm: [1, 0, 2, 3] });
  const padded = padSpatially(context, channelsFirst(input), [begin[0], 0], [end[0], 0]);
  const flat = graph.int64([channels, batch * outputs[0], -1]);
  const columns = graph.add("Reshape", [channelsFirst(gradient), flat]);
  const products = range(0, kernel[0]).map((row) => {
    const first = row * dilations[0];
    const rows = graph.add("Slice", [
      padded,
      graph.int64([first]),
      graph.int64([first + (outputs[0] - 1) * strides[0] + 1]),
      graph.int64([2]),
      graph.int64([strides[0]]),
    ]);
    const across = graph.add("Transpose", [graph.add("Reshape", [rows, flat])], { perm: [0, 2, 1] });
    const product = graph.add("MatMul", [across, columns]);
    return graph.add("Reshape", [product, graph.int64([channels, 1, seen[1] * outputs[1]])]);
  });
  const joined = products.length === 1 ? (products[0] ?? "") : graph.add("Concat", products, { axis: 1 });
  const taps = realConstant(context, bands(form), [seen[1] * outputs[1], kernel[1]], input);
  return graph.add("Reshape", [graph.add("MatMul", [joined, taps]), graph.int64([channels, 1, ...kernel])]);
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
