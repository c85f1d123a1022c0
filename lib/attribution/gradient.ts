import { fromChannels, withoutCompleteness, type Attribution, type ImageDims } from "./attribution";
import type { GradientFunction } from "./gradient-function";
import { onlyOf } from "./points";

/**
 * Vanilla gradient: dF/dx, the direction in which the target output rises fastest (Simonyan et al. 2014, "Deep inside
 * convolutional networks"). Signed; units of output a unit of normalised input.
 *
 * @param image [channels, height, width], normalised as the network expects
 */
export async function gradient(evaluate: GradientFunction, image: Float32Array, dims: ImageDims): Promise<Attribution> {
  const { gradients } = await evaluate([image]);
  return fromChannels(onlyOf(gradients), dims, withoutCompleteness(1), { forward: 1, backward: 1 });
}
