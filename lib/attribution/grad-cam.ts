import { withoutCompleteness, type Attribution, type ImageDims } from "./attribution";
import type { LayerGradientFunction } from "./gradient-function";
import { onlyOf } from "./points";
import { upsampleBilinear } from "./upsample";

export interface GradCamAttribution extends Attribution {
  /** The map at the layer's own resolution, before the negative part is dropped. */
  readonly signed: { readonly map: Float32Array; readonly height: number; readonly width: number };
}

/**
 * Grad-CAM: the layer's channels weighed by the spatial mean of the target's gradient, the positive part kept
 * (Selvaraju et al. 2017), enlarged bilinearly (half-pixel centres) to the image. Non-negative and coarse: one value a
 * cell of the feature map.
 *
 * @param image [channels, height, width], normalised as the network expects
 */
export async function gradCam(
  evaluate: LayerGradientFunction,
  image: Float32Array,
  [, height, width]: ImageDims,
): Promise<GradCamAttribution> {
  const {
    activations,
    gradients,
    dims: [channels, rows, columns],
  } = await evaluate([image]);
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
