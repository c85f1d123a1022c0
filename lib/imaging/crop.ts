import { ImageError } from "../contract/errors";
import type { Region } from "../contract/region";
import type { RgbImage } from "./image";

/** Copies a rectangle out of an image. */
export function crop(image: RgbImage, region: Region): RgbImage {
  checkWithin(image, region);
  const data = new Uint8Array(region.width * region.height * 3);
  for (let y = 0; y < region.height; y++) {
    const from = ((region.top + y) * image.width + region.left) * 3;
    data.set(image.data.subarray(from, from + region.width * 3), y * region.width * 3);
  }
  return { width: region.width, height: region.height, data };
}

/** Throws image.tile unless the region lies within the image. */
export function checkWithin(
  image: { readonly width: number; readonly height: number },
  { left, top, width, height }: Region,
): void {
  if (left >= 0 && top >= 0 && width > 0 && height > 0 && left + width <= image.width && top + height <= image.height)
    return;
  throw new ImageError(
    "image.tile",
    `Expected a tile within ${image.width} × ${image.height} but received ${width} × ${height} at (${left}, ${top})`,
  );
}
