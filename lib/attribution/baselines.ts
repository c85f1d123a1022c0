import { UserError } from "../contract/errors";
import type { baselineNames } from "../contract/methods";
import type { Normalisation } from "../contract/normalisation";
import { CounterRandom } from "../random/counter-random";
import type { ImageDims } from "./attribution";
import { networkImage, type NormalisedImage } from "./network-image";

/**
 * Where a path of integrated gradients may begin: see `baselineImage`.
 *
 * @example
 * ```ts
 * import type { BaselineName } from "cytolens";
 *
 * const emptyGlass: BaselineName = "white";
 * ```
 */
export type BaselineName = (typeof baselineNames)[number];

interface BaselineOptions {
  readonly seed?: number;
  readonly sample?: number;
}

/**
 * An image without information, to measure from.
 * black and white: every pixel 0 or 255 · mean: the image's own mean colour · random: uniform noise of 0 to 255, a
 * function of (seed, sample) alone, so that it is the same in any batch.
 *
 * @param image what `imageFor` returns, or values, their [channels, height, width] and how they were normalised
 * @param options of "random": `seed` (0 to 2³² − 1) and `sample` (0, 1, …), both 0 by default
 * @returns [channels, height, width] as the image, normalised as it is
 * @throws UserError "attribution.image-shape" when values and shape do not fit
 * @example
 * ```ts
 * import { baselineImage, imageFor, loadModel } from "cytolens";
 *
 * const model = await loadModel("model.onnx");
 * const image = await imageFor(model, "cell.png");
 * const white = baselineImage("white", image);
 * console.log(white.length === image.tensor.length);
 * await model.close();
 * ```
 */
export function baselineImage(name: BaselineName, image: NormalisedImage, options?: BaselineOptions): Float32Array;
export function baselineImage(
  name: BaselineName,
  image: Float32Array,
  dims: ImageDims,
  normalisation: Normalisation,
  options?: BaselineOptions,
): Float32Array;
export function baselineImage(
  name: BaselineName,
  given: NormalisedImage | Float32Array,
  dimsOrOptions: ImageDims | BaselineOptions = {},
  normalisation?: Normalisation,
  options: BaselineOptions = {},
): Float32Array {
  return given instanceof Float32Array
    ? drawn(
        name,
        { ...networkImage(given, dimsOrOptions as ImageDims), normalisation: normalisation as Normalisation },
        options,
      )
    : drawn(name, { ...given, ...networkImage(given) }, dimsOrOptions as BaselineOptions);
}

function drawn(
  name: BaselineName,
  { tensor: image, dims, normalisation }: NormalisedImage,
  { seed = 0, sample = 0 }: BaselineOptions,
): Float32Array {
  const pixels = dims[1] * dims[2];
  const { scale, mean, std } = normalisation;
  // A single value serves all channels, as in preprocessing.
  const normalised = (level: number, channel: number): number =>
    (level * scale - (mean[channel] ?? mean[0] ?? 0)) / (std[channel] ?? std[0] ?? 1);
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
