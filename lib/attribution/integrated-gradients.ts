import { fromChannels, type Attribution, type ImageDims } from "./attribution";
import { refuseEqualBaseline } from "./baselines";
import { completenessOf, finite } from "./completeness";
import type { SegmentGradientFunction } from "./gradient-function";
import { networkImage, type NetworkImage } from "./network-image";
import { cutsByDensity, densityOf } from "./segment-cuts";
import { accumulate, groupsOf, StraightPath } from "./straight-path";

/**
 * When integrated gradients are refined no further; see `integratedGradients`.
 *
 * @example
 * ```ts
 * import type { Tolerance } from "cytolens";
 *
 * const strict: Tolerance = { relative: 0.001, map: 0.02 };
 * ```
 */
export interface Tolerance {
  /** Largest |Σ map − ΔF| / |ΔF|. */
  readonly relative: number;
  /** Largest relative L2 error that the map may still have, judged from its change at the last refinement. */
  readonly map: number;
}

/** Chosen from measurements: docs/benchmarks.md. */
export const defaultTolerance: Tolerance = { relative: 0.01, map: 0.1 };

/** How many segments the line is cut into, one attempt after the other: 56 passes in all. */
const refinements = [4, 16, 36] as const;

/** Segments handed on at once: whoever evaluates them cuts them into batches that fit the memory. */
const segmentGroup = 18;

/**
 * How `integratedGradients` refines.
 *
 * @example
 * ```ts
 * import type { AdaptiveOptions } from "cytolens";
 *
 * const options: AdaptiveOptions = { tolerance: { map: 0.02 }, group: 8 };
 * ```
 */
export interface AdaptiveOptions {
  /** Default: 0.01 of completeness, 0.1 of the map. */
  readonly tolerance?: Partial<Tolerance>;
  /** Segments handed to the gradient function at once. Default: 18. */
  readonly group?: number;
}

/**
 * Integrated gradients along the straight line from a baseline, (x − b) ⊙ ∫₀¹ ∇F(b + t (x − b)) dt (Sundararajan, Taly
 * and Yan 2017, "Axiomatic attribution for deep networks", section 3), refined until it can be trusted: the line is cut into 4
 * segments, then 16, then 36, until the map adds up to F(x) − F(b) and has settled, or 56 passes are spent. Both are
 * asked for, because completeness alone can be met by luck. The later cuts lie closer where the gradient was seen to change
 * more.
 *
 * A map from r times as many segments has at most 1 / r of the error, so when it differs from the one before by d, what
 * is still wrong with it is about d / (r − 1): that is what `tolerance.map` bounds. `mapChange` reports d.
 *
 * @param evaluate mean gradients along the segments between neighbouring points: `model.segmentGradient(target)`
 * @param image what `imageFor` returns, or values and (after the baseline) their [channels, height, width]; normalised as the
 * network expects
 * @param baseline of the same shape, for example `baselineImage("white", image)`
 * @returns a signed map [height, width], summed over the channels, in units of the target output
 * @throws UserError "attribution.baseline-equals-image", "attribution.baseline-shape" or "attribution.image-shape";
 * ImageError "inference.not-finite" when the network's values are not finite
 * @example
 * ```ts
 * import { baselineImage, imageFor, integratedGradients, loadModel } from "cytolens";
 *
 * const model = await loadModel("model.onnx");
 * const image = await imageFor(model, "cell.png");
 * const mean = model.segmentGradient({ classIndex: 0, of: "logit" });
 * const { completeness } = await integratedGradients(mean, image, baselineImage("white", image));
 * console.log(completeness.passes, completeness.converged);
 * await model.close();
 * ```
 */
export function integratedGradients(
  evaluate: SegmentGradientFunction,
  image: NetworkImage,
  baseline: Float32Array,
  options?: AdaptiveOptions,
): Promise<Attribution>;
export function integratedGradients(
  evaluate: SegmentGradientFunction,
  image: Float32Array,
  baseline: Float32Array,
  dims: ImageDims,
  options?: AdaptiveOptions,
): Promise<Attribution>;
export async function integratedGradients(
  evaluate: SegmentGradientFunction,
  image: NetworkImage | Float32Array,
  baseline: Float32Array,
  dimsOrOptions: ImageDims | AdaptiveOptions = {},
  options: AdaptiveOptions = {},
): Promise<Attribution> {
  return image instanceof Float32Array
    ? refined(evaluate, networkImage(image, dimsOrOptions as ImageDims), baseline, options)
    : refined(evaluate, networkImage(image), baseline, dimsOrOptions as AdaptiveOptions);
}

async function refined(
  evaluate: SegmentGradientFunction,
  { tensor: image, dims }: NetworkImage,
  baseline: Float32Array,
  options: AdaptiveOptions,
): Promise<Attribution> {
  refuseEqualBaseline(image, baseline);
  const path = new StraightPath(image, baseline);
  const tolerance = { ...defaultTolerance, ...options.tolerance };
  let passes = 0;
  let forward = 0;
  let previous: { readonly map: Float32Array; readonly segments: number } | undefined;
  let density: readonly number[] = [1];
  for (let level = 0; ; level++) {
    const segments = refinements[level] as number;
    const { map, change, evaluations, variation } = await overSegments(
      evaluate,
      path,
      cutsByDensity(density, segments),
      options.group ?? segmentGroup,
    );
    // Measured once, on equal segments.
    if (level === 0) density = densityOf(variation);
    passes += segments;
    forward += evaluations;
    const mapChange = previous && relativeChange(previous.map, map);
    const figures = completenessOf(map, change);
    const settled =
      previous && mapChange !== undefined && mapChange / (segments / previous.segments - 1) <= tolerance.map;
    const converged = settled === true && figures.relative <= tolerance.relative;
    if (converged || level === refinements.length - 1) {
      return fromChannels(
        map,
        dims,
        { ...figures, mapChange: mapChange ?? null, passes, converged },
        { forward, backward: passes },
      );
    }
    previous = { map, segments };
  }
}

/** @param cuts shares of the line, from 0 to 1 */
async function overSegments(
  evaluate: SegmentGradientFunction,
  path: StraightPath,
  cuts: readonly number[],
  group: number,
) {
  const total = new Float64Array(path.difference.length);
  const variation: number[] = [];
  let previous: Float32Array | undefined;
  let [first, last, evaluations] = [0, 0, 0];
  for (const indexes of groupsOf(
    cuts.slice(1).map((_, index) => index),
    group,
  )) {
    const from = indexes[0] as number;
    const { start, end, gradients } = await evaluate(path.pointsAt(cuts.slice(from, from + indexes.length + 1)));
    for (const [index, gradient] of gradients.entries()) {
      accumulate(total, gradient, (cuts[from + index + 1] as number) - (cuts[from + index] as number));
      if (previous) variation.push(weightedDistance(previous, gradient, path.difference));
      previous = gradient;
    }
    if (from === 0) first = start;
    last = end;
    evaluations += indexes.length + 1;
  }
  return { map: path.timesDifference(total), change: finite(last - first), evaluations, variation };
}

/** ‖(b − a) ⊙ weights‖ in L2. */
function weightedDistance(a: Float32Array, b: Float32Array, weights: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++)
    sum += (((b[index] as number) - (a[index] as number)) * (weights[index] as number)) ** 2;
  return Math.sqrt(sum);
}

/** ‖b − a‖ / ‖b‖, in L2. */
function relativeChange(a: Float32Array, b: Float32Array): number {
  let [distance, size] = [0, 0];
  for (let index = 0; index < b.length; index++) {
    distance += ((b[index] as number) - (a[index] as number)) ** 2;
    size += (b[index] as number) ** 2;
  }
  return size === 0 ? (distance === 0 ? 0 : Number.MAX_VALUE) : Math.sqrt(distance / size);
}
