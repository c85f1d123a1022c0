import { ImageError } from "../../contract/errors";
import type { ImageFormat } from "./image-format";

/**
 * Where the image ends in its file, from the container's own structure; undefined where the format has no end (TIFF) or
 * its decoder knows (BMP). Throws image.truncated when the file stops before: a decoder would fill the rest with grey.
 */
export function endOfImage(format: ImageFormat, bytes: Uint8Array): number | undefined {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (format) {
    case "png":
      return endOfPng(file);
    case "jpeg":
      return endOfJpeg(file);
    case "webp":
      return endOfRiff(file);
    case "tiff":
    case "bmp":
      return undefined;
  }
}

/** Chunks of length, type, data and checksum, up to IEND (PNG specification, 5.3). */
function endOfPng(file: Buffer): number {
  for (let at = 8; at + 12 <= file.length;) {
    const end = at + 12 + file.readUInt32BE(at);
    if (file.toString("latin1", at + 4, at + 8) === "IEND") return end;
    at = end;
  }
  throw truncated("PNG", "its IEND chunk", file.length);
}

/** Marker segments up to EOI (ITU-T T.81, annex B); entropy-coded data are searched for the next marker. */
function endOfJpeg(file: Buffer): number {
  for (let at = 2; at + 1 < file.length;) {
    if (file[at] !== 0xff) {
      at = file.indexOf(0xff, at);
      if (at < 0) break;
      continue;
    }
    const marker = file[at + 1] as number;
    if (marker === 0xd9) return at + 2;
    const standsAlone = marker === 0 || marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);
    if (marker === 0xff) at += 1;
    else if (standsAlone) at += 2;
    else if (at + 3 < file.length) at += 2 + file.readUInt16BE(at + 2);
    else break;
  }
  throw truncated("JPEG", "its end marker", file.length);
}

function endOfRiff(file: Buffer): number {
  const end = 8 + file.readUInt32LE(4);
  if (end > file.length) throw truncated("WebP", `${end} bytes as its header says`, file.length);
  return end + (end % 2);
}

function truncated(format: string, expected: string, length: number): ImageError {
  return new ImageError(
    "image.truncated",
    `Expected the ${format} file to reach ${expected} but it stops after ${length} bytes`,
  );
}
