/**
 * What is explained: a class, by its logit (before a softmax head, if there is one) or its softmax probability.
 *
 * @example
 * ```ts
 * import type { Target } from "cytolens";
 *
 * const target: Target = { classIndex: 2, of: "probability" };
 * ```
 */
export interface Target {
  readonly classIndex: number;
  readonly of: "logit" | "probability";
}

interface PointGradients {
  /** F at each point, in units of the target output. */
  readonly values: Float64Array;
  /** dF/dx at each point, laid out as the point. */
  readonly gradients: readonly Float32Array[];
}

/**
 * A scalar function of an image and its gradient, evaluated at many points at once.
 * Batching, memory and the runtime are its own business: a method never sees a session.
 *
 * Takes points, each [channels, height, width]; answers F at each (float64) and dF/dx at each, laid out as the point.
 *
 * @example
 * ```ts
 * import type { GradientFunction } from "cytolens";
 *
 * const square: GradientFunction = async (points) => ({
 *   values: Float64Array.from(points, (point) => point.reduce((sum, x) => sum + x * x, 0)),
 *   gradients: points.map((point) => point.map((x) => 2 * x)),
 * });
 * ```
 */
export type GradientFunction = (points: readonly Float32Array[]) => Promise<PointGradients>;

interface LayerGradients {
  readonly values: Float64Array;
  /** [channels, height, width] of the layer, the same for every point. */
  readonly dims: readonly [number, number, number];
  /** The layer's output at each point. */
  readonly activations: readonly Float32Array[];
  /** dF/d(layer output) at each point. */
  readonly gradients: readonly Float32Array[];
}

/**
 * As a `GradientFunction`, by the output of a layer instead of the image: F at each point, the layer's output there and
 * dF/d(layer output), each [channels, height, width] of the layer.
 *
 * @example
 * ```ts
 * import type { LayerGradientFunction } from "cytolens";
 *
 * // A layer of one cell that is the point itself, and F = 3 times it.
 * const layer: LayerGradientFunction = async (points) => ({
 *   values: Float64Array.from(points, ([x = 0]) => 3 * x),
 *   dims: [1, 1, 1],
 *   activations: points,
 *   gradients: points.map(() => Float32Array.of(3)),
 * });
 * ```
 */
export type LayerGradientFunction = (points: readonly Float32Array[]) => Promise<LayerGradients>;

interface SegmentGradients {
  /** F at the first and the last point, in units of the target output. */
  readonly start: number;
  readonly end: number;
  /** The mean of dF/dx along each of the n straight segments between the n + 1 points. */
  readonly gradients: readonly Float32Array[];
}

/**
 * Mean gradients along a chain of n + 1 points, exact but for second-order terms in the length of a segment: F at the first and
 * the last point, and the mean of dF/dx along each of the n segments, laid out as a point.
 *
 * @example
 * ```ts
 * import type { SegmentGradientFunction } from "cytolens";
 *
 * // F(x) = x²: its mean slope between a and b is a + b, exactly.
 * const square: SegmentGradientFunction = async (points) => {
 *   const at = points.map(([x = 0]) => x);
 *   const [first = 0, last = 0] = [at[0], at.at(-1)];
 *   return {
 *     start: first ** 2,
 *     end: last ** 2,
 *     gradients: at.slice(1).map((b, index) => Float32Array.of(b + (at[index] ?? 0))),
 *   };
 * };
 * ```
 */
export type SegmentGradientFunction = (points: readonly Float32Array[]) => Promise<SegmentGradients>;

/**
 * The mean gradient of a segment taken in its middle: for networks that cannot be differentiated along segments.
 *
 * @param evaluate F and dF/dx at points
 * @returns mean gradients along segments, as `integratedGradients` takes them; a segment costs one point, a chain two more
 * @example
 * ```ts
 * import { atMidpoints, integratedGradients } from "cytolens";
 *
 * const square = async (points: readonly Float32Array[]) => ({
 *   values: Float64Array.from(points, ([x = 0]) => x * x),
 *   gradients: points.map(([x = 0]) => Float32Array.of(2 * x)),
 * });
 * const pixel = { tensor: Float32Array.of(3), dims: [1, 1, 1] as const };
 * const { map } = await integratedGradients(atMidpoints(square), pixel, Float32Array.of(1));
 * console.log(map[0]?.toFixed(3)); // 8.000
 * ```
 */
export function atMidpoints(evaluate: GradientFunction): SegmentGradientFunction {
  return async (points) => {
    const middles = points
      .slice(1)
      .map((end, index) => end.map((value, at) => (value + ((points[index] as Float32Array)[at] as number)) / 2));
    const ends = [points[0], points.at(-1)].filter((point) => point !== undefined);
    const { values, gradients } = await evaluate([...middles, ...ends]);
    return {
      start: values[middles.length] as number,
      end: values[middles.length + 1] as number,
      gradients: gradients.slice(0, middles.length),
    };
  };
}
