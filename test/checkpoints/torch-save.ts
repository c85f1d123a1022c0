import { crc32 } from "../../lib/checkpoints/crc32";
import { call, dictionary, named, orderedDictionary, persistent, pickle, tuple, type Picklable } from "./pickler";

/** A storage as PyTorch calls its class, with its data in bytes. */
export interface Storage {
  readonly key: string;
  readonly type: string;
  readonly bytes: Uint8Array;
  readonly elements: number;
}

export interface View {
  readonly offset?: number;
  readonly size: readonly number[];
  readonly stride?: readonly number[];
}

const widths: Readonly<Record<string, number>> = {
  DoubleStorage: 8,
  FloatStorage: 4,
  HalfStorage: 2,
  BFloat16Storage: 2,
  LongStorage: 8,
  ByteStorage: 1,
  BoolStorage: 1,
  ComplexFloatStorage: 8,
};

export function storage(key: string, type: string, data: ArrayBufferView): Storage {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { key, type, bytes, elements: bytes.length / (widths[type] ?? 1) };
}

/** The parameters with which a tensor is rebuilt. `legacy` files name the slice of the storage, which is the whole. */
export function rebuildParameters(of: Storage, { offset = 0, size, stride }: View, legacy = false) {
  const identity = ["storage", named("torch", of.type), of.key, "cpu", of.elements, ...(legacy ? [null] : [])];
  return tuple(
    persistent(tuple(...identity)),
    offset,
    tuple(...size),
    tuple(...(stride ?? contiguous(size))),
    false,
    orderedDictionary({}),
  );
}

export function tensor(of: Storage, view: View, legacy = false): Picklable {
  return call(named("torch._utils", "_rebuild_tensor_v2"), rebuildParameters(of, view, legacy));
}

function contiguous(size: readonly number[]): number[] {
  return size.map((_, axis) => size.slice(axis + 1).reduce((product, extent) => product * extent, 1));
}

export interface ZipOptions {
  readonly name?: string;
  /** Further entries, or others in place of those that torch.save writes; null leaves one out. */
  readonly entries?: Readonly<Record<string, Uint8Array | string | null>>;
  readonly serializationId?: string;
  readonly checksums?: boolean;
}

/** The archive that torch.save writes (2.15): stored entries, their data at multiples of 64 bytes. */
export function torchZip(picklable: Picklable | Uint8Array, storages: readonly Storage[], options: ZipOptions = {}) {
  const { name = "archive", serializationId = "0".repeat(40), entries = {}, checksums = true } = options;
  const all = new Map<string, Uint8Array | string | null>([
    ["data.pkl", picklable instanceof Uint8Array ? picklable : pickle(picklable)],
    [".format_version", "1"],
    [".storage_alignment", "64"],
    ["byteorder", "little"],
    ...storages.map(({ key, bytes }) => [`data/${key}`, bytes] as const),
    ["version", "3\n"],
    [".data/serialization_id", serializationId],
    ...Object.entries(entries),
  ]);
  const present = [...all].flatMap(([own, content]) =>
    content === null ? [] : [{ name: `${name}/${own}`, data: Buffer.from(content) }],
  );
  return zip(present, checksums);
}

export function zip(files: readonly { readonly name: string; readonly data: Buffer }[], checksums = true): Buffer {
  const parts: Buffer[] = [];
  let position = 0;
  const add = (part: Buffer): void => {
    parts.push(part);
    position += part.length;
  };
  const directory: Buffer[] = [];
  for (const { name, data } of files) {
    const start = position;
    const names = Buffer.from(name);
    const unpadded = start + 30 + names.length + 4;
    const padding = Buffer.alloc((64 - (unpadded % 64)) % 64, "Z");
    const checksum = checksums ? crc32(data) : 0;
    add(fields([4, 0x04034b50], [2, 0], [2, 0x0808], [2, 0], [4, 0], [4, 0], [4, 0], [4, 0]));
    add(fields([2, names.length], [2, padding.length + 4]));
    add(Buffer.concat([names, Buffer.from("FB"), fields([2, padding.length]), padding, data]));
    add(fields([4, 0x08074b50], [4, checksum], [4, data.length], [4, data.length]));
    directory.push(
      fields([4, 0x02014b50], [2, 0], [2, 0], [2, 0x0808], [2, 0], [4, 0], [4, checksum], [4, data.length]),
    );
    directory.push(
      fields([4, data.length], [2, names.length], [2, 0], [2, 0], [2, 0], [2, 0], [4, 0], [4, start]),
      names,
    );
  }
  const offset = position;
  add(Buffer.concat(directory));
  const end64 = position;
  const size = end64 - offset;
  const count = files.length;
  add(
    fields(
      [4, 0x06064b50],
      [8, 44],
      [2, 0x031e],
      [2, 45],
      [4, 0],
      [4, 0],
      [8, count],
      [8, count],
      [8, size],
      [8, offset],
    ),
  );
  add(fields([4, 0x07064b50], [4, 0], [8, end64], [4, 1]));
  add(fields([4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, size], [4, offset], [2, 0]));
  return Buffer.concat(parts);
}

function fields(...values: readonly [width: 2 | 4 | 8, value: number][]): Buffer {
  return Buffer.concat(
    values.map(([width, value]) => {
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64LE(BigInt(value));
      return bytes.subarray(0, width);
    }),
  );
}

/** The file that torch.save writes with _use_new_zipfile_serialization=False. */
export function torchLegacy(picklable: Picklable, storages: readonly Storage[], { littleEndian = true } = {}): Buffer {
  const system = dictionary({
    protocol_version: 1001,
    little_endian: littleEndian,
    type_sizes: dictionary({ short: 2, int: 4, long: 4 }),
  });
  const keys = storages.map(({ key }) => key);
  return Buffer.concat([
    pickle(0x1950a86a20f9469cfc6cn),
    pickle(1001),
    pickle(system),
    pickle(picklable),
    pickle(keys),
    ...storages.flatMap(({ elements, bytes }) => [fields([8, elements]), bytes]),
  ]);
}
