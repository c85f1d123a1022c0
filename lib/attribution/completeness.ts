import { ImageError } from "../contract/errors";
import type { Completeness } from "../contract/result";

/** Whether a map adds up to the change of F between baseline and image. Throws an ImageError where numbers are not finite. */
export function completenessOf(
  map: Float32Array,
  change: number,
): Pick<Completeness, "delta"> & { readonly relative: number } {
  const delta = finite(map.reduce((sum, value) => sum + value, 0) - change);
  return { delta, relative: change === 0 ? (delta === 0 ? 0 : Number.MAX_VALUE) : Math.abs(delta / change) };
}

export function finite(value: number): number {
  if (Number.isFinite(value)) return value;
  throw new ImageError(
    "inference.not-finite",
    `Expected finite outputs and gradients along the path but received ${value}`,
  );
}
