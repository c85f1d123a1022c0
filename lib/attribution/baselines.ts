import { UserError } from "../contract/errors";
import type { baselineNames } from "../contract/methods";
import type { Normalisation } from "../contract/normalisation";
import { CounterRandom } from "../random/counter-random";
import type { ImageDims } from "./attribution";

export type BaselineName = (typeof baselineNames)[number];

/**
 * An image without information, to measure from, in normalised units.
 * black and white: every pixel 0 or 255 · mean: the image's own mean colour · random: uniform noise of 0 to 255, a
 * function of (seed, sample) alone, so that it is the same in any batch.
 */
export function baselineImage(
  name: BaselineName,
  image: Float32Array,
  dims: ImageDims,
  normalisation: Normalisation,
  { seed = 0, sample = 0 } = {},
): Float32Array {
  const pixels = dims[1] * dims[2];
  const normalised = (level: number, channel: number): number =>
    (level * normalisation.scale - (normalisation.mean[channel] ?? 0)) / (normalisation.std[channel] ?? 1);
  const baseline = new Float32Array(image.length);
  const random = new CounterRandom(seed, sample);
  for (let channel = 0; channel < dims[0]; channel++) {
    const plane = baseline.subarray(channel * pixels, (channel + 1) * pixels);
    if (name === "black") plane.fill(normalised(0, channel));
    else if (name === "white") plane.fill(normalised(255, channel));
    else if (name === "mean")
      plane.fill(
        image.subarray(channel * pixels, (channel + 1) * pixels).reduce((sum, value) => sum + value, 0) / pixels,
      );
    else for (let pixel = 0; pixel < pixels; pixel++) plane[pixel] = normalised(random.uniform(0, 255), channel);
  }
  return baseline;
}

export function refuseEqualBaseline(image: Float32Array, baseline: Float32Array): void {
  if (image.length !== baseline.length) {
    throw new UserError(
      "attribution.baseline-shape",
      `Expected a baseline of ${image.length} values, as the image, but received ${baseline.length}`,
    );
  }
  if (image.every((value, index) => value === baseline[index])) {
    throw new UserError(
      "attribution.baseline-equals-image",
      "Expected a baseline that differs from the image but received the same values: there is no path between them. Choose another baseline.",
    );
  }
}
