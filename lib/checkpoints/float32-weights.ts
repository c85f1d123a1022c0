import { ModelError } from "../contract/errors";
import type { Tensor } from "../onnx/model";
import { fromFloat16Bits } from "../onnx/scalar";
import { shown } from "./checkpoint-errors";

/**
 * A tensor of float16, bfloat16 or float64 as float32; float32 and whole numbers as they are.
 * Throws ModelError "checkpoint.not-finite" for NaN, an infinity, or a float64 beyond the range of float32.
 */
export function toFiniteFloat32(name: string, tensor: Tensor): Tensor {
  const converted = toFloat32(tensor);
  if (converted.data instanceof Float32Array) refuseNotFinite(name, converted.data);
  return converted;
}

function toFloat32(tensor: Tensor): Tensor {
  const { dataType, dims, data } = tensor;
  if (dataType === "float64" && data instanceof Float64Array) {
    return { dataType: "float32", dims, data: Float32Array.from(data) };
  }
  if (!(data instanceof Uint16Array)) return tensor;
  if (dataType === "float16") return { dataType: "float32", dims, data: halves(data) };
  if (dataType === "bfloat16") return { dataType: "float32", dims, data: upperHalves(data) };
  return tensor;
}

let halfValues: Float32Array | undefined;

function halves(bits: Uint16Array): Float32Array<ArrayBuffer> {
  halfValues ??= Float32Array.from({ length: 0x10000 }, (_, half) => fromFloat16Bits(half));
  const values = new Float32Array(bits.length);
  for (let index = 0; index < bits.length; index++) values[index] = halfValues[bits[index] ?? 0] ?? 0;
  return values;
}

/** A bfloat16 is the upper half of a float32's bits. */
function upperHalves(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const words = new Uint32Array(bits.length);
  for (let index = 0; index < bits.length; index++) words[index] = (bits[index] ?? 0) << 16;
  return new Float32Array(words.buffer);
}

function refuseNotFinite(name: string, values: Float32Array): void {
  for (let index = 0; index < values.length; index++) {
    if (Number.isFinite(values[index])) continue;
    throw new ModelError(
      "checkpoint.not-finite",
      `Expected finite weights within the range of float32 but received ${values[index]} as element ${index} of ${shown(name)}`,
    );
  }
}
