import type { RgbImage } from "../image";

/** Luma in OpenCV's fixed point (weights 0.299, 0.587, 0.114 in 15 bits); one byte per pixel. */
export function grey({ width, height, data }: RgbImage): Uint8Array {
  const out = new Uint8Array(width * height);
  for (let i = 0, j = 0; i < out.length; i++, j += 3) {
    out[i] =
      ((data[j] as number) * 9798 + (data[j + 1] as number) * 19235 + (data[j + 2] as number) * 3735 + 16384) >> 15;
  }
  return out;
}

/**
 * The threshold that separates the histogram best: largest variance between the two classes "at or below" and "above"
 * (N. Otsu, IEEE Trans. SMC 9, 62, 1979). Of equal ones the lowest.
 */
export function otsuThreshold(levels: Uint8Array): number {
  const histogram = new Float64Array(256);
  for (const level of levels) histogram[level] = (histogram[level] as number) + 1;
  const mean = histogram.reduce((sum, count, level) => sum + level * count, 0) / levels.length;
  let weight = 0;
  let moment = 0;
  let best = 0;
  let threshold = 0;
  for (let level = 0; level < 256; level++) {
    const share = (histogram[level] as number) / levels.length;
    weight += share;
    moment += level * share;
    const rest = 1 - weight;
    if (Math.min(weight, rest) < smallestShare) continue;
    const variance = weight * rest * (moment / weight - (mean - moment) / rest) ** 2;
    if (variance > best) [best, threshold] = [variance, level];
  }
  return threshold;
}

/** A class smaller than this share of the pixels is no class (float32's epsilon). */
const smallestShare = 2 ** -23;

/** The study's mask: pixels whose grey level is at or above Otsu's threshold, the bright background, become black. */
export function maskBright(image: RgbImage): RgbImage {
  const levels = grey(image);
  const threshold = otsuThreshold(levels);
  const data = Uint8Array.from(image.data);
  for (let i = 0; i < levels.length; i++) {
    if ((levels[i] as number) >= threshold) data.fill(0, 3 * i, 3 * i + 3);
  }
  return { width: image.width, height: image.height, data };
}
