import type { GradientFunction, SegmentGradientFunction } from "../attribution/gradient-function";

/** Mean gradients along segments by the trapezoidal rule: the mean of the gradients at a segment's two ends. */
export function segmentsBetweenPoints(evaluate: GradientFunction): SegmentGradientFunction {
  return async (points) => {
    const { values, gradients } = await evaluate(points);
    const means = gradients.slice(1).map((after, index) => {
      const before = gradients[index] as Float32Array;
      return after.map((slope, at) => (slope + (before[at] as number)) / 2);
    });
    return { values, gradients: means };
  };
}
