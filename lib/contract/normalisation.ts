/**
 * How pixels become network input: (pixel × scale − mean) / std, a channel each (one value serves all); pixels are 0 to 255.
 *
 * @example
 * ```ts
 * import type { Normalisation } from "cytolens";
 *
 * const toOne: Normalisation = { scale: 1 / 127.5, mean: [1], std: [1] };
 * ```
 */
export interface Normalisation {
  readonly scale: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/**
 * Mean and standard deviation of ImageNet's pixels, as torchvision's pretrained networks take them; red, green, blue.
 *
 * @example
 * ```ts
 * import { baselineImage, imageNetNormalisation } from "cytolens";
 *
 * const black = baselineImage("black", new Float32Array(3), [3, 1, 1], imageNetNormalisation);
 * console.log(black[0]?.toFixed(3)); // -2.118
 * ```
 */
export const imageNetNormalisation: Normalisation = {
  scale: 1 / 255,
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};

/** Of models that take pixels of 0 to 255 as they are. */
export const pixelsAsTheyAre: Normalisation = { scale: 1, mean: [0], std: [1] };
