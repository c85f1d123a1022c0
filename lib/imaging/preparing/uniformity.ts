import { nearlyUniform } from "../../contract/image-notes";
import type { RgbImage } from "../image";

/** Levels (of 255) within which a pixel counts as like the middle one. */
const likeness = 8;
/** A picture with fewer pixels than this share that differ shows nothing. */
const leastShare = 0.001;
/** Of a large picture not every pixel is looked at. */
const mostLookedAt = 1_000_000;

/** A warning for a picture of one colour: an empty field, a black frame, or values that were read wrongly. */
export function uniformityNotes(image: RgbImage): string[] {
  const step = 3 * Math.ceil(image.data.length / 3 / mostLookedAt);
  const middle = [0, 1, 2].map((channel) => medianOf(image, channel, step));
  const [red = 0, green = 0, blue = 0] = middle;
  let different = 0;
  for (let i = 0; i < image.data.length; i += step) {
    if (
      Math.abs((image.data[i] as number) - red) > likeness ||
      Math.abs((image.data[i + 1] as number) - green) > likeness ||
      Math.abs((image.data[i + 2] as number) - blue) > likeness
    )
      different++;
  }
  const share = (step * different) / image.data.length;
  if (share >= leastShare) return [];
  const rest = different === 0 && step === 3 ? "every pixel" : "all but 1 in 1,000 pixels";
  return [
    `${nearlyUniform}: ${rest} within ${likeness} levels of (${middle.join(", ")}); there is nothing to tell it by`,
  ];
}

function medianOf({ data }: RgbImage, channel: number, step: number): number {
  const histogram = new Uint32Array(256);
  for (let i = channel; i < data.length; i += step) {
    const level = data[i] as number;
    histogram[level] = (histogram[level] as number) + 1;
  }
  let below = 0;
  for (let level = 0; level < 256; level++) {
    below += histogram[level] as number;
    if (2 * below >= data.length / step) return level;
  }
  return 255;
}
