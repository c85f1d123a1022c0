import type { DataType, TensorData } from "./model";

type NumericDataType = Exclude<DataType, "string">;
export type NumericData = Exclude<TensorData, string[]>;

interface NumericArrayConstructor {
  readonly BYTES_PER_ELEMENT: number;
  new (length: number): NumericData;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): NumericData;
}

/** TensorProto.DataType, onnx.proto3. */
const codes: Record<DataType, number> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
};

const unsupportedNames: Record<number, string> = {
  0: "undefined",
  14: "complex64",
  15: "complex128",
  17: "float8e4m3fn",
  18: "float8e4m3fnuz",
  19: "float8e5m2",
  20: "float8e5m2fnuz",
  21: "uint4",
  22: "int4",
  23: "float4e2m1",
  24: "float8e8m0",
  25: "uint2",
  26: "int2",
};

const byCode = new Map<number, DataType>(Object.entries(codes).map(([dataType, code]) => [code, dataType as DataType]));

const arrays: Record<NumericDataType, NumericArrayConstructor> = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
};

export function dataTypeCode(dataType: DataType): number {
  return codes[dataType];
}

/** undefined for types that cannot be held; `dataTypeName` says what they are called. */
export function dataTypeOfCode(code: number): DataType | undefined {
  return byCode.get(code);
}

export function dataTypeName(code: number): string {
  return byCode.get(code) ?? unsupportedNames[code] ?? `data type ${code}`;
}

export function arrayOf(dataType: NumericDataType): NumericArrayConstructor {
  return arrays[dataType];
}

export function isFloat(dataType: DataType): boolean {
  return dataType === "float32" || dataType === "float64" || dataType === "float16" || dataType === "bfloat16";
}
