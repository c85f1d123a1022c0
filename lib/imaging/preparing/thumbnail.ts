import { ImageError } from "../../contract/errors";
import type { RgbImage } from "../image";
import { sharp } from "../decoding/loaders";

/** No thumbnail is larger: a report of 500 images stays below 10 MB with room for the heatmaps. */
export const thumbnailBytes = 10_240;
const longestSide = 192;
const qualities = [82, 70, 55, 40, 25] as const;

/** A JPEG of at most 10 kB, its longer side at most 192 pixels, at the best quality that fits. */
export async function thumbnail({ width, height, data }: RgbImage): Promise<Uint8Array> {
  for (let side = longestSide; side >= 24; side = Math.floor(side * 0.75)) {
    const small = await sharp(data, { raw: { width, height, channels: 3 } })
      .resize(side, side, { fit: "inside", withoutEnlargement: true })
      .raw()
      .toBuffer({ resolveWithObject: true });
    for (const quality of qualities) {
      const raw = { width: small.info.width, height: small.info.height, channels: 3 as const };
      const bytes = await sharp(small.data, { raw }).jpeg({ quality }).toBuffer();
      if (bytes.length <= thumbnailBytes) return bytes;
    }
  }
  throw new ImageError(
    "image.thumbnail",
    `Expected a thumbnail of at most ${thumbnailBytes} bytes but none was that small`,
  );
}
