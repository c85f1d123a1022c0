import { UserError } from "../contract/errors";
import type { Normalisation } from "../contract/normalisation";
import type { ImageDims } from "./attribution";

/**
 * An image as a network sees it: what `imageFor` returns, or any object like it.
 *
 * @example
 * ```ts
 * import type { NetworkImage } from "cytolens";
 *
 * const image: NetworkImage = { tensor: new Float32Array(3 * 64 * 64), dims: [3, 64, 64] };
 * ```
 */
export interface NetworkImage {
  /** [channels, height, width] float32, normalised as the network expects. */
  readonly tensor: Float32Array;
  readonly dims: ImageDims;
}

/** With what baselines are made from: `imageFor` returns this, too. */
export interface NormalisedImage extends NetworkImage {
  /** How `tensor` came from pixels of 0 to 255. */
  readonly normalisation: Normalisation;
}

/** An image in one piece, or its values and their shape. */
export type ImageArguments =
  | readonly [image: NetworkImage, dims?: undefined]
  | readonly [tensor: Float32Array, dims: ImageDims];

/** @throws UserError "attribution.image-shape" when values and shape do not fit */
export function networkImage(image: NetworkImage | Float32Array, dims?: ImageDims): NetworkImage {
  const asked = image instanceof Float32Array ? { tensor: image, dims } : image;
  const { tensor } = asked;
  const shape = asked.dims;
  if (shape !== undefined && shape.reduce((product, extent) => product * extent, 1) === tensor.length)
    return { tensor, dims: shape };
  throw new UserError(
    "attribution.image-shape",
    `Expected [channels, height, width] of the image's ${tensor.length} values but received ${shape === undefined ? "no shape" : `[${shape.join(", ")}]`}`,
  );
}
