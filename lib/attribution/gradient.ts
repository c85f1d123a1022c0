import { fromChannels, withoutCompleteness, type Attribution } from "./attribution";
import type { GradientFunction } from "./gradient-function";
import { networkImage, type ImageArguments } from "./network-image";
import { onlyOf } from "./points";

/**
 * Vanilla gradient: dF/dx, the direction in which the target output rises fastest (Simonyan, Vedaldi and Zisserman 2014, "Deep
 * inside convolutional networks", section 3). One forward and one backward pass.
 *
 * @param evaluate F and dF/dx, for example `model.gradient(target)`
 * @param image what `imageFor` returns, or values and their [channels, height, width]; normalised as the network expects
 * @returns a signed map [height, width], summed over the channels, in units of output a unit of normalised input
 * @throws UserError "attribution.image-shape" when values and shape do not fit
 * @example
 * ```ts
 * import { gradient, imageFor, loadModel } from "cytolens";
 *
 * const model = await loadModel("model.onnx");
 * const image = await imageFor(model, "cell.png");
 * const { map, height, width } = await gradient(model.gradient({ classIndex: 0, of: "logit" }), image);
 * console.log(map.length === height * width);
 * await model.close();
 * ```
 */
export async function gradient(evaluate: GradientFunction, ...image: ImageArguments): Promise<Attribution> {
  const { tensor, dims } = networkImage(image[0], image[1]);
  const { gradients } = await evaluate([tensor]);
  return fromChannels(onlyOf(gradients), dims, withoutCompleteness(1), { forward: 1, backward: 1 });
}
