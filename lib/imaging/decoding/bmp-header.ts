import { ImageError } from "../../contract/errors";

type BmpCompression = "none" | "rle8" | "rle4" | "bit-fields";

/** Everything a BMP says before its pixels (Microsoft's BITMAPINFOHEADER family, and OS/2's headers). */
export interface BmpHeader {
  readonly width: number;
  readonly height: number;
  readonly topDown: boolean;
  readonly bits: 1 | 4 | 8 | 16 | 24 | 32;
  readonly compression: BmpCompression;
  /** Offset of the first pixel byte. */
  readonly pixels: number;
  /** Red, green, blue a colour; empty without a palette. */
  readonly palette: Uint8Array;
  /** Bit masks of red, green, blue and alpha (0: none) for 16 and 32 bits. */
  readonly masks: readonly [number, number, number, number];
  /** Length of the file as the header states it. */
  readonly statedLength: number;
  readonly pixelsPerMetre: number;
}

const compressions: readonly (BmpCompression | undefined)[] = [
  "none",
  "rle8",
  "rle4",
  "bit-fields",
  undefined,
  undefined,
  "bit-fields",
];
const depths: Record<BmpCompression, readonly number[]> = {
  none: [1, 4, 8, 16, 24, 32],
  rle8: [8],
  rle4: [4],
  "bit-fields": [16, 32],
};
const fileHeader = 14;
const coreHeader = 12;
const infoHeader = 40;

/** Reads and checks the headers and the palette. Throws image.truncated or image.corrupt; never reads outside the file. */
export function readBmpHeader(bytes: Uint8Array): BmpHeader {
  if (bytes.length < fileHeader + coreHeader)
    throw new ImageError("image.truncated", `Expected a BMP header but the file has ${bytes.length} bytes`);
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerSize = file.readUInt32LE(14);
  if (headerSize !== coreHeader && (headerSize < 16 || headerSize > 124))
    throw corrupt("a header of 12 or 16 to 124 bytes", String(headerSize));
  if (fileHeader + headerSize > file.length)
    throw new ImageError(
      "image.truncated",
      `Expected a BMP header of ${headerSize} bytes but the file has ${file.length}`,
    );
  const core = headerSize === coreHeader;
  // A header shorter than BITMAPINFOHEADER ends where it ends: what it leaves out is zero.
  const field = (offset: number): number => (offset + 4 <= fileHeader + headerSize ? file.readUInt32LE(offset) : 0);

  const width = core ? file.readUInt16LE(18) : file.readInt32LE(18);
  const signedHeight = core ? file.readUInt16LE(20) : file.readInt32LE(22);
  const bits = file.readUInt16LE(core ? 24 : 28);
  const code = core ? 0 : field(30);
  const compression = compressions[code];
  // In OS/2's 64-byte header 3 is Huffman coding and 4 is RLE24.
  if (!compression || (headerSize === 64 && code > 2))
    throw corrupt("no compression, RLE or bit fields", `compression ${code}`);
  if (!depths[compression].includes(bits))
    throw corrupt(`${depths[compression].join(", ")} bits a pixel`, String(bits));
  if (width <= 0 || signedHeight === 0) throw corrupt("a positive size", `${width} × ${signedHeight}`);

  const separateMasks = headerSize === infoHeader && compression === "bit-fields" ? (code === 6 ? 16 : 12) : 0;
  const paletteStart = fileHeader + headerSize + separateMasks;
  const pixels = file.readUInt32LE(10);
  if (pixels < paletteStart || pixels > file.length)
    throw corrupt(`pixels between byte ${paletteStart} and the end at ${file.length}`, `offset ${pixels}`);
  return {
    width,
    height: Math.abs(signedHeight),
    topDown: signedHeight < 0,
    bits: bits as BmpHeader["bits"],
    compression,
    pixels,
    palette: bits <= 8 ? readPalette(file, paletteStart, pixels, bits, core ? 3 : 4, field(46)) : new Uint8Array(0),
    masks: readMasks(file, bits, compression, headerSize, separateMasks),
    statedLength: file.readUInt32LE(2),
    pixelsPerMetre: core ? 0 : field(38),
  };
}

/** Blue, green, red (and a spare byte, except in OS/2's) for each colour used. */
function readPalette(file: Buffer, start: number, end: number, bits: number, entry: number, used: number): Uint8Array {
  const most = Math.min(2 ** bits, Math.floor((end - start) / entry));
  const colours = used > 0 ? Math.min(used, most) : most;
  const palette = new Uint8Array(colours * 3);
  for (let i = 0; i < colours; i++) {
    for (let channel = 0; channel < 3; channel++)
      palette[3 * i + channel] = file[start + i * entry + 2 - channel] as number;
  }
  return palette;
}

function readMasks(
  file: Buffer,
  bits: number,
  compression: BmpCompression,
  headerSize: number,
  separate: number,
): BmpHeader["masks"] {
  if (compression !== "bit-fields")
    return bits === 16 ? [0x7c00, 0x03e0, 0x001f, 0] : [0xff0000, 0x00ff00, 0x0000ff, 0];
  const start = fileHeader + infoHeader;
  const count = separate > 0 ? separate / 4 : headerSize >= 56 ? 4 : 3;
  if (separate === 0 && headerSize < 52) throw corrupt("three bit masks", `a header of ${headerSize} bytes`);
  if (start + 4 * count > file.length)
    throw new ImageError("image.truncated", `Expected ${count} bit masks but the BMP file has ${file.length} bytes`);
  const masks = Array.from({ length: 4 }, (_, i) => (i < count ? file.readUInt32LE(start + 4 * i) : 0));
  for (const mask of masks) {
    if (mask >= 2 ** bits || !/^0*1*0*$/.test(mask.toString(2)))
      throw corrupt(`bit masks in one piece within ${bits} bits`, `0x${mask.toString(16)}`);
  }
  return masks as [number, number, number, number];
}

function corrupt(expected: string, came: string): ImageError {
  return new ImageError("image.corrupt", `Expected ${expected} in the BMP header but found ${came}`);
}
