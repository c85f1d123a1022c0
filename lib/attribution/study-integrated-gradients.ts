import { fromChannels, type Attribution, type ImageDims } from "./attribution";
import { baselineImage } from "./baselines";
import type { Normalisation } from "../contract/normalisation";
import type { GradientFunction } from "./gradient-function";
import { networkImage, type NormalisedImage } from "./network-image";
import { accumulate, groupsOf, StraightPath } from "./straight-path";

const steps = 50;
const baselines = 10;

interface StudyOptions {
  readonly seed?: number;
  readonly group?: number;
}

/**
 * Integrated gradients as the study took them (Wang et al. 2021, arXiv 2106.00557): 50 steps of a left Riemann sum,
 * averaged over 10 random uniform baselines; the study explains the softmax probability, so `evaluate` should return it.
 * Kept for comparison: it takes 510 passes, and a left sum is the least exact of the common rules.
 *
 * @param evaluate F and dF/dx, for example `model.gradient({ classIndex, of: "probability" })`
 * @param image what `imageFor` returns, or values, their [channels, height, width] and how they were normalised
 * @param options `seed` of the baselines (0 to 2³² − 1; 0 by default); `group`: points evaluated at once, 8 by default
 * @returns a signed map [height, width], summed over the channels, in units of the target output
 * @throws UserError "attribution.image-shape" when values and shape do not fit
 * @example
 * ```ts
 * import { imageNetNormalisation, studyIntegratedGradients } from "cytolens";
 *
 * const square = async (points: readonly Float32Array[]) => ({
 *   values: Float64Array.from(points, ([x = 0]) => x * x),
 *   gradients: points.map(([x = 0]) => Float32Array.of(2 * x)),
 * });
 * const pixel = { tensor: Float32Array.of(2), dims: [1, 1, 1] as const, normalisation: imageNetNormalisation };
 * const { completeness } = await studyIntegratedGradients(square, pixel, { seed: 1 });
 * console.log(completeness.passes); // 510
 * ```
 */
export function studyIntegratedGradients(
  evaluate: GradientFunction,
  image: NormalisedImage,
  options?: StudyOptions,
): Promise<Attribution>;
export function studyIntegratedGradients(
  evaluate: GradientFunction,
  image: Float32Array,
  dims: ImageDims,
  normalisation: Normalisation,
  options?: StudyOptions,
): Promise<Attribution>;
export async function studyIntegratedGradients(
  evaluate: GradientFunction,
  given: NormalisedImage | Float32Array,
  dimsOrOptions: ImageDims | StudyOptions = {},
  normalisation?: Normalisation,
  options: StudyOptions = {},
): Promise<Attribution> {
  return given instanceof Float32Array
    ? overRandomBaselines(
        evaluate,
        { ...networkImage(given, dimsOrOptions as ImageDims), normalisation: normalisation as Normalisation },
        options,
      )
    : overRandomBaselines(evaluate, { ...given, ...networkImage(given) }, dimsOrOptions as StudyOptions);
}

async function overRandomBaselines(
  evaluate: GradientFunction,
  { tensor: image, dims, normalisation }: NormalisedImage,
  { seed = 0, group = 8 }: StudyOptions,
): Promise<Attribution> {
  const total = new Float64Array(image.length);
  let [passes, change] = [0, 0];
  for (let sample = 0; sample < baselines; sample++) {
    const path = new StraightPath(image, baselineImage("random", image, dims, normalisation, { seed, sample }));
    const sum = new Float64Array(image.length);
    for (const shares of groupsOf(
      Array.from({ length: steps + 1 }, (_, step) => step / steps),
      group,
    )) {
      const { values, gradients } = await evaluate(path.pointsAt(shares));
      for (const [index, share] of shares.entries()) {
        if (share === 0) change -= (values[index] as number) / baselines;
        if (share === 1) change += (values[index] as number) / baselines;
        else accumulate(sum, gradients[index] as Float32Array, 1 / (steps * baselines));
      }
      passes += shares.length;
    }
    for (let at = 0; at < total.length; at++)
      total[at] = (total[at] as number) + (sum[at] as number) * (path.difference[at] as number);
  }
  const delta = total.reduce((sum, value) => sum + value, 0) - change;
  return fromChannels(
    Float32Array.from(total),
    dims,
    { delta, relative: Math.abs(delta / change), mapChange: null, passes, converged: null },
    { forward: passes, backward: passes },
  );
}
