import { ImageError } from "../../contract/errors";
import { colourIndices } from "./heatmap";
import type { FloatMap, RgbImage } from "../image";
import { sharp } from "../decoding/loaders";
import { scaleOf } from "./map-scale";

/** How much of the picture a full colour hides. */
const strength = 0.72;

/** The heatmap's colours over the picture that the network saw (greyed a little where colour lies on it), as RGB. */
export function overlay(seen: RgbImage, map: FloatMap, signed: boolean): RgbImage {
  sameShape(seen, map);
  const { data: indices, palette } = colourIndices(map, scaleOf(map, signed));
  const data = new Uint8Array(seen.data.length);
  for (let i = 0; i < indices.length; i++) {
    const colour = 4 * (indices[i] as number);
    const opacity = ((palette[colour + 3] as number) / 255) * strength;
    for (let channel = 0; channel < 3; channel++) {
      const level = seen.data[3 * i + channel] as number;
      data[3 * i + channel] = Math.round(level + ((palette[colour + channel] as number) - level) * opacity);
    }
  }
  return { width: seen.width, height: seen.height, data };
}

/** Eight-bit RGB as PNG. */
export async function encodePng({ width, height, data }: RgbImage): Promise<Uint8Array> {
  return sharp(data, { raw: { width, height, channels: 3 } })
    .png({ compressionLevel: 6 })
    .toBuffer();
}

/**
 * A map's colours over the picture that the network saw.
 *
 * @param seen 8-bit RGB, [height, width, 3]: `imageFor` returns it
 * @param map one number a pixel, row-major [height, width] of the same size, in any unit
 * @param signed whether negative values are drawn as such: yes for gradients, no for Grad-CAM
 * @returns the bytes of a PNG, `width` × `height`
 * @throws ImageError "map.shape" when picture and map differ in size
 * @example
 * ```ts
 * import { writeFile } from "node:fs/promises";
 * import { explain, imageFor, loadModel, renderOverlay } from "cytolens";
 *
 * const model = await loadModel("model.onnx");
 * const image = await imageFor(model, "cell.png");
 * const { map, height, width } = await explain(model, image, { method: "grad-cam" });
 * await writeFile("overlay.png", await renderOverlay(image.seen, { data: map, height, width }, false));
 * await model.close();
 * ```
 */
export async function renderOverlay(seen: RgbImage, map: FloatMap, signed: boolean): Promise<Uint8Array> {
  return encodePng(overlay(seen, map, signed));
}

function sameShape(seen: RgbImage, map: FloatMap): void {
  if (seen.width === map.width && seen.height === map.height) return;
  throw new ImageError(
    "map.shape",
    `Expected a map of ${seen.width} × ${seen.height} like the picture under it but received ${map.width} × ${map.height}`,
  );
}
