/** What is explained: a class, by its logit (before a softmax head, if there is one) or its softmax probability. */
export interface Target {
  readonly classIndex: number;
  readonly of: "logit" | "probability";
}

export interface PointGradients {
  /** F at each point, in units of the target output. */
  readonly values: Float64Array;
  /** dF/dx at each point, laid out as the point. */
  readonly gradients: readonly Float32Array[];
}

/**
 * A scalar function of an image and its gradient, evaluated at many points at once.
 * Batching, memory and the runtime are its own business: a method never sees a session.
 */
export type GradientFunction = (points: readonly Float32Array[]) => Promise<PointGradients>;

export interface LayerGradients {
  readonly values: Float64Array;
  /** [channels, height, width] of the layer, the same for every point. */
  readonly dims: readonly [number, number, number];
  /** The layer's output at each point. */
  readonly activations: readonly Float32Array[];
  /** dF/d(layer output) at each point. */
  readonly gradients: readonly Float32Array[];
}

export type LayerGradientFunction = (points: readonly Float32Array[]) => Promise<LayerGradients>;

export interface SegmentGradients {
  /** F at the first and the last point, in units of the target output. */
  readonly start: number;
  readonly end: number;
  /** The mean of dF/dx along each of the n straight segments between the n + 1 points. */
  readonly gradients: readonly Float32Array[];
}

/** Mean gradients along a chain of points, exact but for second-order terms in the length of a segment. */
export type SegmentGradientFunction = (points: readonly Float32Array[]) => Promise<SegmentGradients>;

/** The mean gradient of a segment taken in its middle: for networks that cannot be differentiated along segments. */
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
