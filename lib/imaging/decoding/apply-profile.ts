import type { RgbImage } from "../image";
import { sharp } from "./loaders";

const [short, long, undefinedBytes] = [3, 4, 7] as const;

/**
 * Converts a picture from an ICC profile to sRGB. libvips applies profiles to what it loads, and not to 16 bits: so the
 * picture, scaled to 8 bits, is handed to it as a plain TIFF (TIFF 6.0, section 8, and ICC's tag 34675).
 */
export async function applyProfile(image: RgbImage, icc: Uint8Array, grey: boolean): Promise<RgbImage> {
  const samples = grey ? image.data.filter((_, i) => i % 3 === 0) : image.data;
  const { data, info } = await sharp(tiffWithProfile(image, samples, grey ? 1 : 3, icc), { limitInputPixels: false })
    .toColourspace("srgb")
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data: new Uint8Array(data.buffer, data.byteOffset, data.length) };
}

function tiffWithProfile({ width, height }: RgbImage, samples: Uint8Array, perPixel: 1 | 3, icc: Uint8Array): Buffer {
  const entries = 9;
  const depths = 8 + 2 + 12 * entries + 4;
  const profile = depths + 8;
  const pixels = profile + icc.length + (icc.length % 2);
  const head = Buffer.alloc(pixels);
  head.write("II*\0", "latin1");
  head.writeUInt32LE(8, 4);
  head.writeUInt16LE(entries, 8);
  let at = 10;
  const put = (tag: number, type: number, count: number, value: number): void => {
    head.writeUInt16LE(tag, at);
    head.writeUInt16LE(type, at + 2);
    head.writeUInt32LE(count, at + 4);
    head.writeUInt32LE(value, at + 8);
    at += 12;
  };
  put(256, long, 1, width);
  put(257, long, 1, height);
  put(258, short, perPixel, perPixel === 1 ? 8 : depths);
  put(262, short, 1, perPixel === 1 ? 1 : 2);
  put(273, long, 1, pixels);
  put(277, short, 1, perPixel);
  put(278, long, 1, height);
  put(279, long, 1, samples.length);
  put(34675, undefinedBytes, icc.length, profile);
  for (let i = 0; i < 3; i++) head.writeUInt16LE(8, depths + 2 * i);
  head.set(icc, profile);
  return Buffer.concat([head, samples]);
}
