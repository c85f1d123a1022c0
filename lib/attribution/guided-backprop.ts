import type { Attribution, ImageDims } from "./attribution";
import { gradient } from "./gradient";
import type { GradientFunction } from "./gradient-function";

/**
 * Guided backpropagation: the gradient with every ReLU passing back only positive signals to units that were active,
 * g · (x > 0) · (g > 0) (Springenberg et al. 2015, "Striving for simplicity"). Not a true gradient: it draws what the
 * network's early layers respond to, and says little of the class (Adebayo et al. 2018).
 *
 * @param guided a gradient function built with the guided rule at every ReLU of the graph
 */
export function guidedBackprop(guided: GradientFunction, image: Float32Array, dims: ImageDims): Promise<Attribution> {
  return gradient(guided, image, dims);
}
