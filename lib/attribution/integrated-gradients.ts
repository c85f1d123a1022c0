import { ImageError } from "../contract/errors";
import type { Completeness } from "../contract/result";
import { fromChannels, type Attribution, type ImageDims } from "./attribution";
import { refuseEqualBaseline } from "./baselines";
import { gaussLegendre } from "./gauss-legendre";
import type { GradientFunction, SegmentGradientFunction } from "./gradient-function";
import { cutsByDensity, densityOf } from "./segment-cuts";
import { accumulate, groupsOf, StraightPath } from "./straight-path";

/** Points or segments evaluated at once: what keeps memory independent of their number. */
const defaultGroup = 8;

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

export interface AdaptiveOptions {
  readonly tolerance?: Partial<Tolerance>;
  readonly group?: number;
}

/**
 * Integrated gradients along the straight line from a baseline, (x − b) ⊙ ∫₀¹ ∇F(b + t (x − b)) dt (Sundararajan, Taly
 * and Yan 2017, "Axiomatic attribution for deep networks"), refined until it can be trusted: the line is cut into 4
 * segments, then 16, then 36, until the map adds up to F(x) − F(b) and has settled, or 56 passes are spent. Both are
 * asked for, because completeness alone can be met by luck. The later cuts lie closer where the gradient was seen to change
 * more. Signed; units of the target output.
 *
 * A map from r times as many segments has at most 1 / r of the error, so when it differs from the one before by d, what
 * is still wrong with it is about d / (r − 1): that is what `tolerance.map` bounds. `mapChange` reports d.
 *
 * @param evaluate mean gradients along the segments between neighbouring points
 * @param image [channels, height, width], normalised as the network expects
 * @param baseline the same shape, for example a normalised black image
 * @throws UserError when the baseline equals the image; ImageError when the network's values are not finite
 */
export async function integratedGradients(
  evaluate: SegmentGradientFunction,
  image: Float32Array,
  baseline: Float32Array,
  dims: ImageDims,
  options: AdaptiveOptions = {},
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
  return { map: timesDifference(total, path), change: finite(last - first), evaluations, variation };
}

/** ‖(b − a) ⊙ weights‖ in L2. */
function weightedDistance(a: Float32Array, b: Float32Array, weights: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++)
    sum += (((b[index] as number) - (a[index] as number)) * (weights[index] as number)) ** 2;
  return Math.sqrt(sum);
}

/**
 * Integrated gradients from a fixed number of Gauss–Legendre points, as Captum and the study's successors take them.
 * No refinement, so nothing is said of convergence; the completeness figures still are.
 *
 * @param steps points of the quadrature; F at both ends takes two more passes
 */
export async function fixedIntegratedGradients(
  evaluate: GradientFunction,
  image: Float32Array,
  baseline: Float32Array,
  dims: ImageDims,
  steps: number,
  group = defaultGroup,
): Promise<Attribution> {
  refuseEqualBaseline(image, baseline);
  const path = new StraightPath(image, baseline);
  const { points, weights } = gaussLegendre(steps);
  const nodes = [
    ...Array.from(points, (share, index) => ({ share, weight: weights[index] as number })),
    { share: 0, weight: 0 },
    { share: 1, weight: 0 },
  ];
  const total = new Float64Array(image.length);
  let change = 0;
  for (const some of groupsOf(nodes, group)) {
    const { values, gradients } = await evaluate(path.pointsAt(some.map(({ share }) => share)));
    for (const [index, { share, weight }] of some.entries()) {
      if (weight > 0) accumulate(total, gradients[index] as Float32Array, weight);
      else change += share === 1 ? (values[index] as number) : -(values[index] as number);
    }
  }
  const map = timesDifference(total, path);
  const passes = nodes.length;
  return fromChannels(
    map,
    dims,
    { ...completenessOf(map, finite(change)), mapChange: null, passes, converged: null },
    { forward: passes, backward: passes },
  );
}

function timesDifference(meanGradient: Float64Array, path: StraightPath): Float32Array {
  return path.difference.map((difference, index) => difference * (meanGradient[index] as number));
}

function completenessOf(
  map: Float32Array,
  change: number,
): Pick<Completeness, "delta"> & { readonly relative: number } {
  const delta = finite(map.reduce((sum, value) => sum + value, 0) - change);
  return { delta, relative: change === 0 ? (delta === 0 ? 0 : Number.MAX_VALUE) : Math.abs(delta / change) };
}

function finite(value: number): number {
  if (Number.isFinite(value)) return value;
  throw new ImageError(
    "inference.not-finite",
    `Expected finite outputs and gradients along the path but received ${value}`,
  );
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
