import type { Completeness } from "../contract/result";

/**
 * [channels, height, width] of an image as the network sees it (channels first).
 *
 * @example
 * ```ts
 * import type { ImageDims } from "cytolens";
 *
 * const dims: ImageDims = [3, 224, 224];
 * ```
 */
export type ImageDims = readonly [channels: number, height: number, width: number];

/**
 * An explanation, and how far it can be trusted.
 *
 * @example
 * ```ts
 * import type { Attribution } from "cytolens";
 *
 * const total = ({ map }: Attribution): number => map.reduce((sum, value) => sum + value, 0);
 * const trusted = ({ completeness }: Attribution): boolean => completeness.converged !== false;
 * ```
 */
export interface Attribution {
  /** One number a pixel, row-major [height, width], in units of the target output unless the method says otherwise. */
  readonly map: Float32Array;
  readonly height: number;
  readonly width: number;
  /** The same before the channels were summed, [channels, height, width]; absent where a method has no channels. */
  readonly perChannel?: Float32Array;
  readonly completeness: Completeness;
  /** Evaluations of the network used: forward passes, and backward ones. */
  readonly cost: { readonly forward: number; readonly backward: number };
}

/** For methods without a completeness property: nothing to check, and that is said. */
export function withoutCompleteness(passes: number): Completeness {
  return { delta: null, relative: null, mapChange: null, passes, converged: null };
}

/** Sums over channels, so that a pixel's attribution is that of its colour as a whole; sums to the same total. */
function sumOverChannels(values: Float32Array, [channels, height, width]: ImageDims): Float32Array {
  const pixels = height * width;
  const map = new Float32Array(pixels);
  for (let pixel = 0; pixel < pixels; pixel++) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++) sum += values[channel * pixels + pixel] as number;
    map[pixel] = sum;
  }
  return map;
}

export function fromChannels(
  perChannel: Float32Array,
  dims: ImageDims,
  completeness: Completeness,
  cost: Attribution["cost"],
): Attribution {
  return { map: sumOverChannels(perChannel, dims), height: dims[1], width: dims[2], perChannel, completeness, cost };
}
