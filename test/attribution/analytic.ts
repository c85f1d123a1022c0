import {
  atMidpoints,
  type GradientFunction,
  type SegmentGradientFunction,
} from "../../lib/attribution/gradient-function";

/** A function with its gradient written out by hand: methods are tested on these with no network at all. */
export interface Analytic {
  readonly value: (x: Float32Array) => number;
  readonly slope: (x: Float32Array) => Float32Array;
}

/** F(x) = Σ x², dF/dx = 2x. */
export const squares: Analytic = {
  value: (x) => x.reduce((sum, value) => sum + value * value, 0),
  slope: (x) => x.map((value) => 2 * value),
};

/** F(x) = Σ x³, dF/dx = 3x². */
export const cubes: Analytic = {
  value: (x) => x.reduce((sum, value) => sum + value ** 3, 0),
  slope: (x) => x.map((value) => 3 * value * value),
};

export function pointwise({ value, slope }: Analytic): GradientFunction & { readonly evaluations: () => number } {
  let evaluations = 0;
  const evaluate: GradientFunction = async (points) => {
    evaluations += points.length;
    return { values: Float64Array.from(points, value), gradients: points.map(slope) };
  };
  return Object.assign(evaluate, { evaluations: () => evaluations });
}

export function alongSegments(analytic: Analytic): SegmentGradientFunction {
  return atMidpoints(pointwise(analytic));
}
