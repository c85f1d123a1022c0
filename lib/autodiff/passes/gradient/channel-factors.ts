import type { Tensor } from "../../../onnx/model";

/** Weights whose rows (all that belongs to one index of the first axis) are multiplied by a factor each. */
export function scaledRows({ data, dims }: Tensor, factors: ArrayLike<number>): Float32Array {
  const scaled = Float32Array.from(data as Float32Array);
  const size = scaled.length / (dims[0] ?? 1);
  for (const [row, factor] of Array.from(factors).entries()) {
    const start = row * size;
    scaled.set(
      scaled.subarray(start, start + size).map((weight) => weight * factor),
      start,
    );
  }
  return scaled;
}

/** [1, channels, 1, 1] or a single number: what may be multiplied into the rows of a convolution. Per channel, or undefined. */
export function channelFactors(tensor: Tensor | undefined, channels: number): Float32Array | undefined {
  if (!tensor || tensor.dataType !== "float32") return undefined;
  const data = tensor.data as Float32Array;
  const [first = 0] = data;
  if (data.length === 1) return new Float32Array(channels).fill(first);
  const { dims } = tensor;
  const [axis] = dims.flatMap((extent, index) => (extent === 1 ? [] : [index]));
  // Counted from the end, channels are the third axis: [C, 1, 1] or [1, C, 1, 1].
  return data.length === channels && axis !== undefined && dims.length - axis === 3 ? data : undefined;
}
