import { arrayOf, isFloat } from "../data-types";
import type { DataType, Dimension, Tensor } from "../model";
import { elementCount, toInt64 } from "../tensor";
import { type Inferred, mostEntries } from "./shape-rule";

/** Tensors never change, and shapes are inferred again and again. */
const known = new WeakMap<Tensor, { readonly entries: readonly number[] | undefined }>();

/** A small tensor's elements as numbers; undefined for strings, half precision and whatever is too large to matter for shapes. */
export function entriesOf(tensor: Tensor): readonly number[] | undefined {
  const found = known.get(tensor) ?? { entries: read(tensor) };
  known.set(tensor, found);
  return found.entries;
}

function read({ dataType, dims, data }: Tensor): readonly number[] | undefined {
  if (Array.isArray(data) || dataType === "float16" || dataType === "bfloat16" || elementCount(dims) > mostEntries)
    return undefined;
  return Array.from(data as ArrayLike<number | bigint>, Number);
}

/** The tensor behind a value whose elements are all known numbers. */
export function tensorOf({ dataType, shape, entries }: Inferred): Tensor | undefined {
  if (dataType === "string" || dataType === "float16" || dataType === "bfloat16") return undefined;
  if (!entries?.every((entry) => typeof entry === "number") || !shape?.every((extent) => typeof extent === "number"))
    return undefined;
  const data = new (arrayOf(dataType))(entries.length);
  entries.forEach((entry, index) => {
    data[index] =
      data instanceof BigInt64Array || data instanceof BigUint64Array
        ? toInt64(Number.isFinite(entry) ? Math.trunc(entry) : 0)
        : entry;
  });
  return { dataType, dims: shape, data };
}

/** A number as the data type would hold it. */
export function roundTo(dataType: DataType, value: Dimension): Dimension {
  if (typeof value !== "number") return value;
  if (dataType === "float32") return Math.fround(value);
  if (dataType === "bool") return value === 0 ? 0 : 1;
  return isFloat(dataType) ? value : Math.trunc(value);
}

export function stridesOf(dims: readonly number[]): number[] {
  const strides = dims.map(() => 1);
  for (let axis = dims.length - 2; axis >= 0; axis--) strides[axis] = (strides[axis + 1] ?? 1) * (dims[axis + 1] ?? 1);
  return strides;
}

/** The elements of a tensor of extents `dims`, each found in `source` at the flat index `locate` gives for its position. */
export function pick(
  dims: readonly number[],
  source: readonly Dimension[],
  locate: (position: readonly number[]) => number,
): Dimension[] {
  const strides = stridesOf(dims);
  return Array.from(
    { length: elementCount(dims) },
    (_, flat) => source[locate(dims.map((extent, axis) => Math.floor(flat / (strides[axis] ?? 1)) % extent))] ?? null,
  );
}

/** The elements repeated to a broadcast shape. */
export function broadcastEntries(
  source: readonly Dimension[],
  from: readonly number[],
  to: readonly number[],
): readonly Dimension[] {
  if (from.length === to.length && from.every((extent, axis) => extent === to[axis])) return source;
  const strides = stridesOf(from);
  const lead = to.length - from.length;
  return pick(to, source, (position) =>
    from.reduce(
      (sum, extent, axis) => sum + (extent === 1 ? 0 : (position[axis + lead] ?? 0) * (strides[axis] ?? 1)),
      0,
    ),
  );
}
