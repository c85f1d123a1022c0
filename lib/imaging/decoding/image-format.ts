import { ImageError } from "../../contract/errors";

/* oxlint-disable no-control-regex -- first bytes of files are control characters */

export type ImageFormat = "jpeg" | "png" | "tiff" | "webp" | "bmp";

/** First bytes (Latin-1) of what is accepted. */
const accepted: readonly (readonly [ImageFormat, RegExp])[] = [
  ["jpeg", /^\xff\xd8\xff/],
  ["png", /^\x89PNG\r\n\x1a\n/],
  ["tiff", /^(II[*+]\0|MM\0[*+])/],
  ["webp", /^RIFF[^]{4}WEBP/],
  ["bmp", /^BM/],
];

/** What people drop by mistake, or what could do more than be an image; the name goes into the message. */
const refused: readonly (readonly [string, RegExp])[] = [
  ["GIF", /^GIF8[79]a/],
  ["PDF", /^[^]{0,1020}%PDF-/],
  ["SVG", /^(\xef\xbb\xbf)?\s*(<\?xml[^]*|<!--[^]*|<!DOCTYPE\s+svg[^]*)?<svg[\s>]/i],
  ["HTML", /^(\xef\xbb\xbf)?\s*(<!--[^]*-->\s*)?<(!doctype\s+html|html|head|body)\b/i],
  ["XML", /^(\xef\xbb\xbf)?\s*<\?xml/i],
  ["AVIF or HEIC", /^[^]{4}ftyp(avif|avis|heic|heix|mif1|msf1)/],
  ["JPEG 2000", /^(\0\0\0\x0cjP {2}\r\n\x87\n|\xff\x4f\xff\x51)/],
  ["JPEG XL", /^(\xff\x0a|\0\0\0\x0cJXL )/],
  ["DICOM", /^[^]{128}DICM/],
  ["ZIP archive", /^PK\x03\x04/],
  ["gzip archive", /^\x1f\x8b/],
  ["Photoshop", /^8BPS/],
  ["MATLAB", /^MATLAB 5\.0/],
  ["HDF5", /^\x89HDF\r\n/],
  ["safetensors, pickle or other data", /^(\x80[\x02-\x05]|[^]{8}\{")/],
];

/**
 * The format by its first bytes, never by the file's name. Throws an ImageError: image.empty, image.format-refused
 * (a known format that is not on the allowlist) or image.not-an-image.
 */
export function recogniseFormat(bytes: Uint8Array): ImageFormat {
  if (bytes.length === 0)
    throw new ImageError("image.empty", `Expected an image of ${allowlist} but the file is empty`);
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 2048)).toString("latin1");
  const format = accepted.find(([, pattern]) => pattern.test(start))?.[0];
  if (format) return format;
  const other = refused.find(([, pattern]) => pattern.test(start))?.[0];
  if (other)
    throw new ImageError(
      "image.format-refused",
      `Expected an image of ${allowlist} but the content is ${other}, which is not accepted`,
    );
  throw new ImageError(
    "image.not-an-image",
    `Expected an image of ${allowlist} but the content begins with ${preview(start)}`,
  );
}

const allowlist = "JPEG, PNG, TIFF, WebP or BMP";

function preview(start: string): string {
  const head = start.slice(0, 12);
  return /^[\x20-\x7e\s]+$/.test(head) ? JSON.stringify(head) : `bytes ${Buffer.from(head, "latin1").toString("hex")}`;
}
