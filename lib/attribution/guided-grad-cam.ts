import { fromChannels, withoutCompleteness, type Attribution, type ImageDims } from "./attribution";
import { gradCam } from "./grad-cam";
import type { GradientFunction, LayerGradientFunction } from "./gradient-function";
import { guidedBackprop } from "./guided-backprop";

/**
 * Guided Grad-CAM: guided backpropagation, pixel by pixel, times Grad-CAM enlarged to the image (Selvaraju et al. 2017):
 * fine detail where the class was found. Signed, in no particular unit.
 */
export async function guidedGradCam(
  guided: GradientFunction,
  layer: LayerGradientFunction,
  image: Float32Array,
  dims: ImageDims,
): Promise<Attribution> {
  const [detail, place] = [await guidedBackprop(guided, image, dims), await gradCam(layer, image, dims)];
  const pixels = dims[1] * dims[2];
  const perChannel = (detail.perChannel as Float32Array).map(
    (value, index) => value * (place.map[index % pixels] as number),
  );
  return fromChannels(perChannel, dims, withoutCompleteness(2), { forward: 2, backward: 2 });
}
