import { arrayOf } from "./data-types";
import type { DataType, Tensor } from "./model";

const singles = new Float32Array(1);
const singleBits = new Uint32Array(singles.buffer);

/** A tensor of one element (rank 0) in any numeric type; float16 and bfloat16 are rounded to nearest, ties to even. */
export function scalarTensor(value: number, dataType: DataType): Tensor {
  return filledTensor(value, dataType, []);
}

/** A tensor of equal elements. */
export function filledTensor(value: number, dataType: DataType, dims: readonly number[]): Tensor {
  if (dataType === "string") throw new TypeError("Expected a numeric type for a filled tensor but received string");
  const data = new (arrayOf(dataType))(dims.reduce((product, extent) => product * extent, 1));
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) data.fill(BigInt(value));
  else if (dataType === "float16") data.fill(float16Bits(value));
  else if (dataType === "bfloat16") data.fill(bfloat16Bits(value));
  else data.fill(value);
  return { dataType, dims: [...dims], data };
}

/** The IEEE 754 binary16 bits nearest to a number. */
export function float16Bits(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude >= 65520) return sign | 0x7c00;
  if (magnitude < 2 ** -14) return sign | roundHalfToEven(magnitude * 2 ** 24);
  const exponent = Math.floor(Math.log2(magnitude));
  const safe = magnitude < 2 ** exponent ? exponent - 1 : magnitude >= 2 ** (exponent + 1) ? exponent + 1 : exponent;
  return sign | (((safe + 15) << 10) + roundHalfToEven((magnitude / 2 ** safe - 1) * 1024));
}

/** The number that IEEE 754 binary16 bits stand for. */
export function fromFloat16Bits(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

/** The bfloat16 bits nearest to a number: the upper half of a float32. */
function bfloat16Bits(value: number): number {
  singles[0] = value;
  const bits = singleBits[0] ?? 0;
  if (Number.isNaN(value)) return 0x7fc0;
  const upper = bits >>> 16;
  const lower = bits & 0xffff;
  return upper + (lower > 0x8000 || (lower === 0x8000 && (upper & 1) === 1) ? 1 : 0);
}

function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
