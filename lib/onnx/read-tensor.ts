import { ModelError } from "../contract/errors";
import { arrayOf, dataTypeName, dataTypeOfCode } from "./data-types";
import type { ReadExternal } from "./external-data";
import type { DataType, Tensor, TensorData } from "./model";
import { elementCount } from "./tensor";
import { WireReader, WireType } from "./wire";

interface TensorFields {
  name: string;
  typeCode: number;
  dims: number[];
  raw: Uint8Array | undefined;
  /** The windows or single values of a typed field, in order: packed and unpacked repeats may mix. */
  typed: { field: number; wireType: number; reader: WireReader }[];
  strings: string[];
  external: boolean;
  /** external_data: location, offset, length, … */
  entries: Map<string, string>;
  segmented: boolean;
}

const externalLocation = 1;
const typedFields = { float: 4, int32: 5, int64: 7, double: 10, uint64: 11 } as const;

/**
 * Reads a TensorProto. Data in raw_data that happen to lie aligned are a view of the file's bytes, others are copied.
 * `where` names the place in error messages.
 */
export function readTensor(
  reader: WireReader,
  where: string,
  readExternal?: ReadExternal,
): { name: string; tensor: Tensor } {
  const fields = readFields(reader);
  const { name, dims } = fields;
  const label = name ? `tensor "${name}"` : `the tensor of ${where}`;
  const dataType = dataTypeOfCode(fields.typeCode);
  if (!dataType)
    throw new ModelError(
      "model.unsupported-type",
      `Expected numbers, booleans or strings in ${label} but found ${dataTypeName(fields.typeCode)}`,
    );
  if (fields.external) fields.raw = externalBytes(fields, label, readExternal);
  if (fields.segmented)
    throw new ModelError("model.unsupported-type", `Expected ${label} in one piece but it is split in segments`);
  const count = elementCount(dims);
  if (!Number.isSafeInteger(count) || dims.some((extent) => extent < 0)) {
    throw new ModelError("model.corrupt", `Expected non-negative extents of ${label} but found [${dims.join(", ")}]`);
  }
  return { name, tensor: { dataType, dims, data: readData(fields, dataType, count, label) } };
}

function externalBytes({ entries }: TensorFields, label: string, readExternal: ReadExternal | undefined): Uint8Array {
  if (!readExternal)
    throw new ModelError(
      "model.external-data",
      `Expected every weight inside the model file, but ${label} refers to another file, which is read only beside a model on this machine; bring it in with cytolens model import, or export again with the weights embedded (external_data=False)`,
    );
  const length = entries.get("length");
  const place = {
    location: entries.get("location") ?? "",
    offset: Number(entries.get("offset") ?? 0),
    length: length === undefined ? undefined : Number(length),
  };
  if (![place.offset, place.length ?? 0].every(Number.isSafeInteger))
    throw new ModelError("model.corrupt", `Expected whole numbers as offset and length of the data of ${label}`);
  return readExternal(place, label);
}

function readFields(reader: WireReader): TensorFields {
  const fields: TensorFields = {
    name: "",
    typeCode: 0,
    dims: [],
    raw: undefined,
    typed: [],
    strings: [],
    external: false,
    entries: new Map(),
    segmented: false,
  };
  while (!reader.atEnd) {
    const { field, wireType } = reader.tag();
    if (field === 1) fields.dims = fields.dims.concat(readInts(reader, wireType));
    else if (field === 2 && wireType === WireType.varint) fields.typeCode = reader.int64();
    else if (field === 6 && wireType === WireType.bytes) fields.strings.push(reader.string());
    else if (field === 8 && wireType === WireType.bytes) fields.name = reader.string();
    else if (field === 9 && wireType === WireType.bytes) fields.raw = reader.byteString();
    else if (field === 13 && wireType === WireType.bytes) addEntry(reader.message(), fields.entries);
    else if (field === 14 && wireType === WireType.varint) fields.external = reader.int64() === externalLocation;
    else if ((Object.values(typedFields) as number[]).includes(field)) {
      const start = reader.offset;
      const window = wireType === WireType.bytes ? reader.message() : undefined;
      if (!window) reader.skip(wireType);
      fields.typed.push({ field, wireType, reader: window ?? new WireReader(reader.bytes, start, reader.offset) });
    } else {
      fields.segmented ||= field === 3;
      reader.skip(wireType);
    }
  }
  return fields;
}

/** A StringStringEntryProto. */
export function addEntry(reader: WireReader, entries: Map<string, string>): void {
  let key = "";
  let value = "";
  while (!reader.atEnd) {
    const { field, wireType } = reader.tag();
    if (field === 1 && wireType === WireType.bytes) key = reader.string();
    else if (field === 2 && wireType === WireType.bytes) value = reader.string();
    else reader.skip(wireType);
  }
  entries.set(key, value);
}

/** One entry, or all of a packed repeat. */
export function readInts(reader: WireReader, wireType: number): number[] {
  if (wireType === WireType.varint) return [reader.int64()];
  const values: number[] = [];
  const packed = reader.message();
  while (!packed.atEnd) values.push(packed.int64());
  return values;
}

/** One entry, or all of a packed repeat. */
export function readFloats(reader: WireReader, wireType: number): number[] {
  if (wireType === WireType.fixed32) return [reader.float32()];
  const values: number[] = [];
  const packed = reader.message();
  while (!packed.atEnd) values.push(packed.float32());
  return values;
}

function readData(fields: TensorFields, dataType: DataType, count: number, label: string): TensorData {
  if (dataType === "string") {
    if (fields.strings.length !== count) throw wrongCount(label, count, fields.strings.length);
    return fields.strings;
  }
  const { BYTES_PER_ELEMENT: size } = arrayOf(dataType);
  if (fields.raw && (fields.raw.length > 0 || fields.typed.length === 0)) {
    if (fields.raw.length !== count * size) throw wrongCount(label, count, fields.raw.length / size);
    return viewOrCopy(fields.raw, dataType, count);
  }
  return readTyped(fields, dataType, count, label);
}

function viewOrCopy(raw: Uint8Array, dataType: Exclude<DataType, "string">, count: number): TensorData {
  const Elements = arrayOf(dataType);
  const aligned = raw.byteOffset % Elements.BYTES_PER_ELEMENT === 0 ? raw : new Uint8Array(raw);
  return new Elements(aligned.buffer, aligned.byteOffset, count);
}

function typedFieldOf(dataType: DataType): number {
  if (dataType === "float32") return typedFields.float;
  if (dataType === "float64") return typedFields.double;
  if (dataType === "int64") return typedFields.int64;
  if (dataType === "uint32" || dataType === "uint64") return typedFields.uint64;
  return typedFields.int32;
}

function readTyped(
  fields: TensorFields,
  dataType: Exclude<DataType, "string">,
  count: number,
  label: string,
): TensorData {
  const wanted = typedFieldOf(dataType);
  const windows = fields.typed.filter(({ field }) => field === wanted).map(({ reader }) => reader);
  const bytes = windows.reduce((sum, { offset, end }) => sum + end - offset, 0);
  // Every element takes at least one byte: a count beyond that is refused before memory is asked for.
  if (count > bytes) throw wrongCount(label, count, bytes);
  const data = new (arrayOf(dataType))(count);
  const words =
    data instanceof BigInt64Array || data instanceof BigUint64Array ? new Uint32Array(data.buffer) : undefined;
  let index = 0;
  for (const window of windows) {
    for (; !window.atEnd; index++) {
      if (index >= count) throw wrongCount(label, count, index + 1);
      if (words) window.int64Words(words, index);
      else
        data[index] =
          wanted === typedFields.float
            ? window.float32()
            : wanted === typedFields.double
              ? window.float64()
              : window.int64();
    }
  }
  if (index !== count) throw wrongCount(label, count, index);
  return data;
}

function wrongCount(label: string, expected: number, received: number): ModelError {
  return new ModelError("model.corrupt", `Expected ${expected} elements in ${label} but found ${received}`);
}
