import { ImageError } from "../../contract/errors";
import type { Region } from "../../contract/region";
import type { Colour } from "../../contract/settings";
import { crop } from "../crop";
import { bandPixels, openRegions, type PictureFacts } from "../decoding/decode";
import type { Reading } from "../decoding/levels";
import { type DecodingLimits, defaultLimits } from "../decoding/limits";
import type { RgbImage } from "../image";
import { cropToFrame, frame, type NetworkInput, normalise } from "./preprocess";
import { uniformityNotes } from "./uniformity";

export interface OverviewRequest {
  readonly colour: Colour;
  /** Pixels of the reduced picture at most. */
  readonly mostPixels: number;
}

/** A picture that is too large as a whole, made smaller. */
export interface Overview {
  readonly facts: PictureFacts;
  readonly reading: Reading | undefined;
  /** Each pixel the mean of `factor` × `factor`; what is left over at the right and the bottom is left out. */
  readonly picture: RgbImage;
  readonly factor: number;
}

export interface TilesRequest {
  readonly colour: Colour;
  /** Read at once: near each other, for what lies between them comes into memory, too. */
  readonly tiles: readonly Region[];
  readonly reading: Reading | undefined;
  readonly input: NetworkInput;
  readonly mask: "none" | "otsu";
}

/** Goes through a picture in bands, so that memory does not grow with it. Throws ImageErrors as `openRegions` does. */
export async function overview(
  bytes: Uint8Array,
  { colour, mostPixels }: OverviewRequest,
  limits: DecodingLimits = defaultLimits,
): Promise<Overview> {
  const { facts, reading, read } = await openRegions(bytes, limits, colour);
  const factor = Math.max(1, Math.ceil(Math.sqrt((facts.width * facts.height) / mostPixels)));
  const [width, height] = [Math.floor(facts.width / factor), Math.floor(facts.height / factor)];
  if (width === 0 || height === 0)
    throw new ImageError(
      "image.too-large",
      `Expected a picture that keeps ${factor} pixels a side when it is made smaller but it has ${facts.width} × ${facts.height}`,
    );
  const picture = { width, height, data: new Uint8Array(width * height * 3) };
  const rows = Math.max(1, Math.floor(bandPixels / (facts.width * factor)));
  for (let top = 0; top < height; top += rows) {
    const count = Math.min(rows, height - top);
    const band = await read({ left: 0, top: top * factor, width: width * factor, height: count * factor });
    shrinkInto(picture, top, count, band, factor);
  }
  return { facts: { ...facts, warnings: [...facts.warnings, ...uniformityNotes(picture)] }, reading, picture, factor };
}

function shrinkInto(picture: RgbImage, top: number, rows: number, band: RgbImage, factor: number): void {
  const sums = new Float64Array(3 * picture.width);
  for (let y = 0; y < rows; y++) {
    sums.fill(0);
    for (let inner = 0; inner < factor; inner++) {
      let from = 3 * (y * factor + inner) * band.width;
      for (let x = 0; x < picture.width; x++) {
        for (let i = 0; i < factor; i++, from += 3) {
          for (let c = 0; c < 3; c++) sums[3 * x + c] = (sums[3 * x + c] as number) + (band.data[from + c] as number);
        }
      }
    }
    const to = 3 * (top + y) * picture.width;
    for (let i = 0; i < sums.length; i++) picture.data[to + i] = Math.round((sums[i] as number) / factor ** 2);
  }
}

/** The network's input of some tiles of a picture, one tensor a tile. Throws ImageErrors as `OpenPicture.read` does. */
export async function prepareTiles(
  bytes: Uint8Array,
  { colour, tiles, reading, input, mask }: TilesRequest,
  limits: DecodingLimits = defaultLimits,
): Promise<Float32Array[]> {
  const picture = await openRegions(bytes, limits, colour, reading);
  const around = boundsOf(tiles);
  const piece = await picture.read(around);
  return tiles.map(({ left, top, width, height }) => {
    const tile = crop(piece, { left: left - around.left, top: top - around.top, width, height });
    return normalise(cropToFrame(tile, frame(width, height, input), mask), input);
  });
}

/** The smallest rectangle around all. */
function boundsOf(regions: readonly Region[]): Region {
  const left = Math.min(...regions.map((region) => region.left));
  const top = Math.min(...regions.map((region) => region.top));
  return {
    left,
    top,
    width: Math.max(...regions.map((region) => region.left + region.width)) - left,
    height: Math.max(...regions.map((region) => region.top + region.height)) - top,
  };
}
