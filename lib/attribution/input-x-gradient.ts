import { fromChannels, withoutCompleteness, type Attribution, type ImageDims } from "./attribution";
import type { GradientFunction } from "./gradient-function";
import { onlyOf } from "./points";

/**
 * Input × gradient: x · dF/dx, the first-order share of each value in the output (Shrikumar et al. 2016, "Not just a
 * black box"). It measures from the zero of normalised input, that is from the mean colour, not from black. Signed.
 *
 * @param image [channels, height, width], normalised as the network expects
 */
export async function inputTimesGradient(
  evaluate: GradientFunction,
  image: Float32Array,
  dims: ImageDims,
): Promise<Attribution> {
  const { gradients } = await evaluate([image]);
  const perChannel = onlyOf(gradients).map((slope, index) => slope * (image[index] as number));
  return fromChannels(perChannel, dims, withoutCompleteness(1), { forward: 1, backward: 1 });
}
