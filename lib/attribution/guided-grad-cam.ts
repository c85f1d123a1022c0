import { fromChannels, withoutCompleteness, type Attribution } from "./attribution";
import { gradCam } from "./grad-cam";
import type { GradientFunction, LayerGradientFunction } from "./gradient-function";
import { guidedBackprop } from "./guided-backprop";
import { networkImage, type ImageArguments } from "./network-image";

/**
 * Guided Grad-CAM: guided backpropagation, pixel by pixel, times Grad-CAM enlarged to the image (Selvaraju et al. 2017,
 * "Grad-CAM", section 3): fine detail where the class was found.
 *
 * @param guided a gradient function built with the guided rule at every ReLU: `model.gradient(target, "guided")`
 * @param layer a feature map and its gradient: `model.layerGradient(target)`
 * @param image what `imageFor` returns, or values and their [channels, height, width]; normalised as the network expects
 * @returns a signed map [height, width], summed over the channels, in no particular unit
 * @throws UserError "attribution.image-shape" when values and shape do not fit
 * @example
 * ```ts
 * import { guidedGradCam, imageFor, loadModel, type Target } from "cytolens";
 *
 * const model = await loadModel("model.onnx");
 * const image = await imageFor(model, "cell.png");
 * const target: Target = { classIndex: 0, of: "logit" };
 * const { map } = await guidedGradCam(model.gradient(target, "guided"), model.layerGradient(target), image);
 * await model.close();
 * ```
 */
export async function guidedGradCam(
  guided: GradientFunction,
  layer: LayerGradientFunction,
  ...image: ImageArguments
): Promise<Attribution> {
  const { dims } = networkImage(image[0], image[1]);
  const [detail, place] = [await guidedBackprop(guided, ...image), await gradCam(layer, ...image)];
  const pixels = dims[1] * dims[2];
  const perChannel = (detail.perChannel as Float32Array).map(
    (value, index) => value * (place.map[index % pixels] as number),
  );
  return fromChannels(perChannel, dims, withoutCompleteness(2), { forward: 2, backward: 2 });
}
