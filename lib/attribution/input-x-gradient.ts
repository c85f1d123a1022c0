import { fromChannels, withoutCompleteness, type Attribution } from "./attribution";
import type { GradientFunction } from "./gradient-function";
import { networkImage, type ImageArguments } from "./network-image";
import { onlyOf } from "./points";

/**
 * Input × gradient: x · dF/dx, the first-order share of each value in the output (Shrikumar et al. 2016, "Not just a black
 * box"). It measures from the zero of normalised input, that is from the mean colour, not from black.
 *
 * @param evaluate F and dF/dx, for example `model.gradient(target)`
 * @param image what `imageFor` returns, or values and their [channels, height, width]; normalised as the network expects
 * @returns a signed map [height, width], summed over the channels, in units of the target output
 * @throws UserError "attribution.image-shape" when values and shape do not fit
 * @example
 * ```ts
 * import { inputTimesGradient } from "cytolens";
 *
 * // F(x) = x², so dF/dx = 2x and x · dF/dx = 2x².
 * const square = async (points: readonly Float32Array[]) => ({
 *   values: Float64Array.from(points, ([x = 0]) => x * x),
 *   gradients: points.map(([x = 0]) => Float32Array.of(2 * x)),
 * });
 * const { map } = await inputTimesGradient(square, Float32Array.of(3), [1, 1, 1]);
 * console.log(map[0]); // 18
 * ```
 */
export async function inputTimesGradient(evaluate: GradientFunction, ...image: ImageArguments): Promise<Attribution> {
  const { tensor, dims } = networkImage(image[0], image[1]);
  const { gradients } = await evaluate([tensor]);
  const perChannel = onlyOf(gradients).map((slope, index) => slope * (tensor[index] as number));
  return fromChannels(perChannel, dims, withoutCompleteness(1), { forward: 1, backward: 1 });
}
