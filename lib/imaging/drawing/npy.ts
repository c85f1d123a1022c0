import { ImageError } from "../../contract/errors";

/** An array as NumPy stores it: float32, little-endian, C order. */
export interface FloatArray {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

const magic = "\u0093NUMPY";

/**
 * The bytes of a .npy file, format version 1.0 (NEP 1): header padded so that the data begin at a multiple of 64.
 *
 * @param array float32 values in C order, and their shape
 * @returns what NumPy's `load` reads as little-endian float32
 * @throws ImageError "npy.shape" when there are more or fewer values than the shape has
 * @example
 * ```ts
 * import { writeFile } from "node:fs/promises";
 * import { writeNpy } from "cytolens";
 *
 * await writeFile("map.npy", writeNpy({ shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }));
 * ```
 */
export function writeNpy({ shape, data }: FloatArray): Uint8Array {
  const elements = shape.reduce((product, length) => product * length, 1);
  if (elements !== data.length) {
    throw new ImageError(
      "npy.shape",
      `Expected ${elements} values for shape [${shape.join(", ")}] but received ${data.length}`,
    );
  }
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const dictionary = `{'descr': '<f4', 'fortran_order': False, 'shape': ${tuple}, }`;
  const padding = (64 - ((10 + dictionary.length + 1) % 64)) % 64;
  const header = `${dictionary}${" ".repeat(padding)}\n`;
  const bytes = Buffer.alloc(10 + header.length + data.length * 4);
  bytes.write(magic, 0, "latin1");
  bytes.writeUInt16LE(1, 6); // major 1, minor 0
  bytes.writeUInt16LE(header.length, 8);
  bytes.write(header, 10, "latin1");
  const view = new DataView(bytes.buffer, bytes.byteOffset + 10 + header.length);
  for (let i = 0; i < data.length; i++) view.setFloat32(4 * i, data[i] as number, true);
  return bytes;
}

/** Reads a .npy file of little-endian float32 in C order; anything else is refused with what was found. */
export function readNpy(bytes: Uint8Array): FloatArray {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.length < 10 || file.toString("latin1", 0, 6) !== magic) {
    throw new ImageError("npy.not-npy", "Expected a .npy file but its first bytes are not NumPy's");
  }
  const long = (file[6] as number) >= 2;
  const start = long ? 12 : 10;
  const headerLength = long && file.length >= 12 ? file.readUInt32LE(8) : file.readUInt16LE(8);
  const header = file.toString("latin1", start, start + headerLength);
  const shape = /'shape': *\(([\d, ]*)\)/
    .exec(header)?.[1]
    ?.split(",")
    .filter((part) => part.trim() !== "")
    .map(Number);
  if (!header.includes("'<f4'") || !header.includes("'fortran_order': False") || !shape) {
    throw new ImageError(
      "npy.type",
      `Expected little-endian float32 in C order but the header says ${header.trim().slice(0, 120)}`,
    );
  }
  const elements = shape.reduce((product, length) => product * length, 1);
  const offset = start + headerLength;
  if (file.length !== offset + elements * 4) {
    throw new ImageError(
      "npy.length",
      `Expected ${elements * 4} bytes of data for shape [${shape.join(", ")}] but found ${file.length - offset}`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset);
  const data = new Float32Array(elements);
  for (let i = 0; i < elements; i++) data[i] = view.getFloat32(4 * i, true);
  return { shape, data };
}
