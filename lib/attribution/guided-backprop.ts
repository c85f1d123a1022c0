import type { Attribution } from "./attribution";
import { gradient } from "./gradient";
import type { GradientFunction } from "./gradient-function";
import type { ImageArguments } from "./network-image";

/**
 * Guided backpropagation: the gradient with every ReLU passing back only positive signals to units that were active,
 * g · (x > 0) · (g > 0) (Springenberg et al. 2015, "Striving for simplicity", section 4). Not a true gradient: it draws what
 * the network's early layers respond to, and says little of the class (Adebayo et al. 2018, "Sanity checks for saliency maps").
 *
 * @param guided a gradient function built with the guided rule at every ReLU of the graph: `model.gradient(target, "guided")`
 * @param image what `imageFor` returns, or values and their [channels, height, width]; normalised as the network expects
 * @returns a signed map [height, width], summed over the channels, in no particular unit
 * @throws UserError "attribution.image-shape" when values and shape do not fit
 * @example
 * ```ts
 * import { guidedBackprop, imageFor, loadModel } from "cytolens";
 *
 * const model = await loadModel("model.onnx");
 * const image = await imageFor(model, "cell.png");
 * const { map } = await guidedBackprop(model.gradient({ classIndex: 0, of: "logit" }, "guided"), image);
 * await model.close();
 * ```
 */
export function guidedBackprop(guided: GradientFunction, ...image: ImageArguments): Promise<Attribution> {
  return gradient(guided, ...image);
}
