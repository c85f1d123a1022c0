import type { ElementType, NumericType } from "./pickle-values";

const of = (name: string, bytes: number, dataType?: NumericType): ElementType =>
  dataType === undefined ? { name, bytes } : { name, bytes, dataType };

const float64 = of("float64", 8, "float64");
const float32 = of("float32", 4, "float32");
const float16 = of("float16", 2, "float16");
const int64 = of("int64", 8, "int64");
const int32 = of("int32", 4, "int32");
const int16 = of("int16", 2, "int16");

/** PyTorch's element types by the names that torch.<name> has. Source: torch.dtype in PyTorch's documentation. */
export const elementTypes: ReadonlyMap<string, ElementType> = new Map([
  ["float64", float64],
  ["double", float64],
  ["float32", float32],
  ["float", float32],
  ["float16", float16],
  ["half", float16],
  ["bfloat16", of("bfloat16", 2, "bfloat16")],
  ["int64", int64],
  ["long", int64],
  ["int32", int32],
  ["int", int32],
  ["int16", int16],
  ["short", int16],
  ["int8", of("int8", 1, "int8")],
  ["uint8", of("uint8", 1, "uint8")],
  ["uint16", of("uint16", 2, "uint16")],
  ["uint32", of("uint32", 4, "uint32")],
  ["uint64", of("uint64", 8, "uint64")],
  ["bool", of("bool", 1, "bool")],
  ["complex32", of("complex32", 4)],
  ["complex64", of("complex64", 8)],
  ["complex128", of("complex128", 16)],
  ["float8_e4m3fn", of("float8_e4m3fn", 1)],
  ["float8_e4m3fnuz", of("float8_e4m3fnuz", 1)],
  ["float8_e5m2", of("float8_e5m2", 1)],
  ["float8_e5m2fnuz", of("float8_e5m2fnuz", 1)],
  ["float8_e8m0fnu", of("float8_e8m0fnu", 1)],
  ["qint8", of("qint8", 1)],
  ["quint8", of("quint8", 1)],
  ["qint32", of("qint32", 4)],
]);

const storageTypes: ReadonlyMap<string, string> = new Map([
  ["DoubleStorage", "float64"],
  ["FloatStorage", "float32"],
  ["HalfStorage", "float16"],
  ["BFloat16Storage", "bfloat16"],
  ["LongStorage", "int64"],
  ["IntStorage", "int32"],
  ["ShortStorage", "int16"],
  ["CharStorage", "int8"],
  ["ByteStorage", "uint8"],
  ["BoolStorage", "bool"],
  ["ComplexFloatStorage", "complex64"],
  ["ComplexDoubleStorage", "complex128"],
  ["QInt8Storage", "qint8"],
  ["QUInt8Storage", "quint8"],
  ["QInt32Storage", "qint32"],
]);

/**
 * The element type of a storage class by its full name, "torch.FloatStorage"; "untyped" for a storage of bytes,
 * undefined for what is no storage class.
 */
export function storageElementType(name: string): ElementType | "untyped" | undefined {
  const [, own] = /^torch(?:\.cuda|\.storage)?\.(\w+)$/.exec(name) ?? [];
  if (own === "UntypedStorage" || own === "_UntypedStorage") return "untyped";
  return elementTypes.get(storageTypes.get(own ?? "") ?? "");
}
