import type { Tensor } from "./model";

export function elementCount(dims: readonly number[]): number {
  return dims.reduce((product, extent) => product * extent, 1);
}

/** A float32 tensor; without `dims` a scalar for a number, a vector for a list. */
export function float32Tensor(data: number | readonly number[] | Float32Array, dims?: readonly number[]): Tensor {
  const values =
    typeof data === "number" ? Float32Array.of(data) : data instanceof Float32Array ? data : Float32Array.from(data);
  return { dataType: "float32", dims: dims ?? (typeof data === "number" ? [] : [values.length]), data: values };
}

/** An int64 tensor; without `dims` a scalar for a number, a vector for a list. */
export function int64Tensor(data: number | readonly number[], dims?: readonly number[]): Tensor {
  const values = BigInt64Array.from(typeof data === "number" ? [toInt64(data)] : data.map(toInt64));
  return { dataType: "int64", dims: dims ?? (typeof data === "number" ? [] : [values.length]), data: values };
}

/** The elements as JavaScript numbers. Throws for strings; int64 beyond 2^53 loses precision. */
export function toNumbers(tensor: Tensor): number[] {
  if (Array.isArray(tensor.data)) throw new TypeError(`Expected numbers in a tensor but received ${tensor.dataType}`);
  if (tensor.dataType === "float16" || tensor.dataType === "bfloat16") {
    throw new TypeError(`Expected a tensor with a JavaScript number type but received ${tensor.dataType}`);
  }
  return Array.from(tensor.data as ArrayLike<number | bigint>, Number);
}

/** A bool tensor; without `dims` a vector. */
export function boolTensor(data: readonly boolean[], dims?: readonly number[]): Tensor {
  return { dataType: "bool", dims: dims ?? [data.length], data: Uint8Array.from(data, Number) };
}

/** A whole number as an int64; 2^63, what "to the end" (2^63 - 1) becomes as a JavaScript number, is brought back to it. */
export function toInt64(value: number): bigint {
  return value >= 2 ** 63 ? 0x7fff_ffff_ffff_ffffn : BigInt(value);
}
