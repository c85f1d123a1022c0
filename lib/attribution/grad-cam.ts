import { withoutCompleteness, type Attribution } from "./attribution";
import type { LayerGradientFunction } from "./gradient-function";
import { networkImage, type ImageArguments } from "./network-image";
import { onlyOf } from "./points";
import { upsampleBilinear } from "./upsample";

export interface GradCamAttribution extends Attribution {
  /** The map at the layer's own resolution, before the negative part is dropped. */
  readonly signed: { readonly map: Float32Array; readonly height: number; readonly width: number };
}

/**
 * Grad-CAM: the layer's channels weighed by the spatial mean of the target's gradient, the positive part kept
 * (Selvaraju et al. 2017, "Grad-CAM", section 3), enlarged bilinearly (half-pixel centres) to the image.
 *
 * @param evaluate a feature map [channels, rows, columns] and the gradient of F by it: `model.layerGradient(target)`
 * @param image what `imageFor` returns, or values and their [channels, height, width]; normalised as the network expects
 * @returns a map [height, width] that is nowhere negative and is coarse: one value a cell of the feature map. `signed` has the
 * map [rows, columns] before the negative part is dropped. Units: those of the target output
 * @throws UserError "attribution.image-shape" when values and shape do not fit
 * @example
 * ```ts
 * import { gradCam, imageFor, loadModel } from "cytolens";
 *
 * const model = await loadModel("model.onnx");
 * const image = await imageFor(model, "cell.png");
 * const { map, signed } = await gradCam(model.layerGradient({ classIndex: 0, of: "logit" }), image);
 * console.log(map.every((value) => value >= 0), signed.height, signed.width);
 * await model.close();
 * ```
 */
export async function gradCam(evaluate: LayerGradientFunction, ...image: ImageArguments): Promise<GradCamAttribution> {
  const { tensor, dims: shape } = networkImage(image[0], image[1]);
  const [, height, width] = shape;
  const {
    activations,
    gradients,
    dims: [channels, rows, columns],
  } = await evaluate([tensor]);
  const activation = onlyOf(activations);
  const slopes = onlyOf(gradients);
  const cells = rows * columns;
  const sums = new Float64Array(cells);
  for (let channel = 0; channel < channels; channel++) {
    const start = channel * cells;
    let total = 0;
    for (let cell = 0; cell < cells; cell++) total += slopes[start + cell] as number;
    const weight = total / cells;
    for (let cell = 0; cell < cells; cell++)
      sums[cell] = (sums[cell] as number) + weight * (activation[start + cell] as number);
  }
  const signed = Float32Array.from(sums);
  const map = upsampleBilinear(
    signed.map((value) => Math.max(0, value)),
    rows,
    columns,
    height,
    width,
  );
  return {
    map,
    height,
    width,
    signed: { map: signed, height: rows, width: columns },
    completeness: withoutCompleteness(1),
    cost: { forward: 1, backward: 1 },
  };
}
