import { fromChannels, type Attribution, type ImageDims } from "./attribution";
import { baselineImage } from "./baselines";
import type { Normalisation } from "../contract/normalisation";
import type { GradientFunction } from "./gradient-function";
import { accumulate, groupsOf, StraightPath } from "./straight-path";

const steps = 50;
const baselines = 10;

/**
 * Integrated gradients as the study took them (Wang et al. 2021, arXiv 2106.00557): 50 steps of a left Riemann sum,
 * averaged over 10 random uniform baselines; the study explains the softmax probability, so `evaluate` should return it.
 * Kept for comparison: it takes 510 passes, and a left sum is the least exact of the common rules.
 */
export async function studyIntegratedGradients(
  evaluate: GradientFunction,
  image: Float32Array,
  dims: ImageDims,
  normalisation: Normalisation,
  { seed = 0, group = 8 } = {},
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
