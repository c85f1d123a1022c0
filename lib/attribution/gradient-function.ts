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
  /** F at each of the n + 1 points, in units of the target output. */
  readonly values: Float64Array;
  /** The mean of dF/dx along each of the n straight segments between neighbouring points. */
  readonly gradients: readonly Float32Array[];
}

/** Mean gradients along a chain of points, exact but for second-order terms in the length of a segment. */
export type SegmentGradientFunction = (points: readonly Float32Array[]) => Promise<SegmentGradients>;
