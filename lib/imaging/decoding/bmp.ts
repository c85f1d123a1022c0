import { ImageError } from "../../contract/errors";
import { type BmpHeader, readBmpHeader } from "./bmp-header";
import type { RgbImage } from "../image";
import { compositedOnWhite, opacityIsZero } from "./levels";
import { checkPixels, type DecodingLimits, defaultLimits } from "./limits";

export interface DecodedBmp extends RgbImage {
  readonly pixelsPerMetre: number;
  readonly warnings: readonly string[];
}

/**
 * Decodes a Windows or OS/2 bitmap: 1, 4 and 8 bits with a palette, 16, 24 and 32 bits, bit fields, RLE4 and RLE8, bottom-up
 * and top-down. Transparency declared by an alpha mask is composited on white. Throws image.truncated, image.corrupt or
 * image.too-large, and allocates no more than a small multiple of the file.
 */
export function decodeBmp(bytes: Uint8Array, limits: DecodingLimits = defaultLimits): DecodedBmp {
  const header = readBmpHeader(bytes);
  checkPixels(header.width, header.height, limits);
  const packed = header.compression === "rle8" || header.compression === "rle4";
  const { indices, end } = packed ? unpackRuns(bytes, header) : unpackIndices(bytes, header);
  const { data, note } = indices ? { data: paint(indices, header), note: undefined } : unpackColours(bytes, header);
  const extra = bytes.length - Math.max(end, header.statedLength);
  return {
    width: header.width,
    height: header.height,
    data,
    pixelsPerMetre: header.pixelsPerMetre,
    warnings: [
      ...(note === undefined ? [] : [note]),
      ...(extra > 0 ? [`${extra} bytes after the end of the image were ignored`] : []),
    ],
  };
}

interface Unpacked {
  /** Palette index a pixel, rows from the top; undefined when the pixels are colours themselves. */
  readonly indices?: Uint8Array;
  /** Offset after the last pixel byte. */
  readonly end: number;
}

function unpackIndices(bytes: Uint8Array, header: BmpHeader): Unpacked {
  const { width, height, bits, pixels } = header;
  const stride = rowBytes(header);
  const end = pixels + stride * height;
  // The last row may lack its padding.
  if (end - stride + Math.ceil((width * bits) / 8) > bytes.length) throw truncated(header, bytes.length);
  if (bits > 8) return { end };
  const indices = new Uint8Array(width * height);
  const mask = 2 ** bits - 1;
  for (let y = 0; y < height; y++) {
    const row = pixels + fileRow(header, y) * stride;
    for (let x = 0; x < width; x++) {
      const bit = x * bits;
      indices[y * width + x] = ((bytes[row + (bit >> 3)] as number) >> (8 - bits - (bit & 7))) & mask;
    }
  }
  return { indices, end };
}

/** Run-length coding: (count, value) pairs; 0 0 ends a row, 0 1 the image, 0 2 moves, 0 n gives n values as they are, padded to 16 bits. */
function unpackRuns(bytes: Uint8Array, header: BmpHeader): Unpacked {
  const { width, height, pixels } = header;
  const nibbles = header.compression === "rle4";
  // Two bytes make at most 255 pixels, so a short file cannot ask for a large image.
  if (width * height > 128 * (bytes.length - pixels)) throw truncated(header, bytes.length);
  const indices = new Uint8Array(width * height);
  let at = pixels;
  let x = 0;
  let row = 0;
  const put = (value: number): void => {
    if (x < width && row < height) indices[fileRow(header, row) * width + x] = value;
    x++;
  };
  const value = (byte: number, i: number): number => (nibbles ? (i % 2 === 0 ? byte >> 4 : byte & 15) : byte);
  while (at + 1 < bytes.length) {
    const count = bytes[at++] as number;
    const second = bytes[at++] as number;
    if (count > 0) {
      for (let i = 0; i < count; i++) put(value(second, i));
    } else if (second === 0) {
      x = 0;
      row++;
    } else if (second === 1) {
      return { indices, end: at };
    } else if (second === 2) {
      x += bytes[at] ?? 0;
      row += bytes[at + 1] ?? 0;
      at += 2;
    } else {
      const length = nibbles ? Math.ceil(second / 2) : second;
      if (at + length > bytes.length) break;
      for (let i = 0; i < second; i++) put(value(bytes[at + (nibbles ? i >> 1 : i)] as number, i));
      at += length + (length % 2);
    }
  }
  // Some writers leave the end marker out; then every pixel must have been given.
  if (row >= height || (row === height - 1 && x >= width)) return { indices, end: at };
  throw truncated(header, bytes.length);
}

function paint(indices: Uint8Array, { palette }: BmpHeader): Uint8Array {
  const colours = palette.length / 3;
  const data = new Uint8Array(indices.length * 3);
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i] as number;
    if (index >= colours)
      throw new ImageError(
        "image.corrupt",
        `Expected palette indices below ${colours} in the BMP file but found ${index}`,
      );
    data[3 * i] = palette[3 * index] as number;
    data[3 * i + 1] = palette[3 * index + 1] as number;
    data[3 * i + 2] = palette[3 * index + 2] as number;
  }
  return data;
}

function unpackColours(
  bytes: Uint8Array,
  header: BmpHeader,
): { readonly data: Uint8Array; readonly note: string | undefined } {
  const { width, height, bits, pixels } = header;
  const stride = rowBytes(header);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const data = new Uint8Array(width * height * 3);
  const [red, green, blue, alpha] = header.masks.map(channelReader) as [
    ChannelReader,
    ChannelReader,
    ChannelReader,
    ChannelReader,
  ];
  const declared = header.masks[3] !== 0;
  const saysNothing = declared && everyAlphaIsZero(view, header, alpha);
  const opaque = !declared || saysNothing;
  let seenThrough = false;
  for (let y = 0, o = 0; y < height; y++) {
    let at = pixels + fileRow(header, y) * stride;
    for (let x = 0; x < width; x++, o += 3) {
      if (bits === 24) {
        data[o] = bytes[at + 2] as number;
        data[o + 1] = bytes[at + 1] as number;
        data[o + 2] = bytes[at] as number;
      } else {
        const pixel = bits === 16 ? view.getUint16(at, true) : view.getUint32(at, true);
        const opacity = opaque ? 255 : alpha(pixel);
        if (opacity < 255) seenThrough = true;
        data[o] = onWhite(red(pixel), opacity);
        data[o + 1] = onWhite(green(pixel), opacity);
        data[o + 2] = onWhite(blue(pixel), opacity);
      }
      at += bits / 8;
    }
  }
  return { data, note: saysNothing ? opacityIsZero : seenThrough ? compositedOnWhite : undefined };
}

/** Programs that know nothing of transparency declare it and write zeros: such an image is opaque. */
function everyAlphaIsZero(view: DataView, header: BmpHeader, alpha: ChannelReader): boolean {
  const stride = rowBytes(header);
  for (let y = 0; y < header.height; y++) {
    for (let x = 0; x < header.width; x++) {
      const at = header.pixels + y * stride + (x * header.bits) / 8;
      if (alpha(header.bits === 16 ? view.getUint16(at, true) : view.getUint32(at, true)) !== 0) return false;
    }
  }
  return true;
}

type ChannelReader = (pixel: number) => number;

/** Takes a channel's bits out of a pixel and scales them to 0..255. */
function channelReader(mask: number): ChannelReader {
  if (mask === 0) return () => 0;
  const shift = 31 - Math.clz32(mask & -mask);
  const largest = mask >>> shift;
  return (pixel) => Math.round((((pixel & mask) >>> shift) * 255) / largest);
}

const onWhite = (level: number, opacity: number): number =>
  opacity === 255 ? level : Math.round((level * opacity + 255 * (255 - opacity)) / 255);

const rowBytes = ({ width, bits }: BmpHeader): number => Math.ceil((width * bits) / 32) * 4;

/** Rows are stored from the bottom unless the height is negative; the rule is its own inverse. */
const fileRow = ({ height, topDown }: BmpHeader, y: number): number => (topDown ? y : height - 1 - y);

function truncated({ width, height, bits }: BmpHeader, length: number): ImageError {
  return new ImageError(
    "image.truncated",
    `Expected ${width} × ${height} pixels of ${bits} bits in the BMP file but it stops after ${length} bytes`,
  );
}
