export interface Quadrature {
  /** In (0, 1), ascending. */
  readonly points: Float64Array;
  /** Sum to 1. */
  readonly weights: Float64Array;
}

/**
 * Gauss–Legendre quadrature on [0, 1]: the roots of the Legendre polynomial P_n by Newton's iteration from Tricomi's
 * estimate, weights 2 / ((1 − x²) P_n′(x)²) on [−1, 1], halved.
 */
export function gaussLegendre(count: number): Quadrature {
  if (!Number.isInteger(count) || count < 1)
    throw new RangeError(`Expected a whole number of points from 1 but received ${count}`);
  const points = new Float64Array(count);
  const weights = new Float64Array(count);
  for (let index = 0; index < count; index++) {
    let root = -Math.cos((Math.PI * (index + 0.75)) / (count + 0.5));
    let slope = 0;
    for (let iteration = 0; iteration < 100; iteration++) {
      let previous = 1;
      let value = root;
      for (let degree = 2; degree <= count; degree++) {
        [previous, value] = [value, ((2 * degree - 1) * root * value - (degree - 1) * previous) / degree];
      }
      slope = (count * (root * value - previous)) / (root * root - 1);
      const step = value / slope;
      root -= step;
      if (Math.abs(step) < 1e-15) break;
    }
    points[index] = (root + 1) / 2;
    weights[index] = 1 / ((1 - root * root) * slope * slope);
  }
  return { points, weights };
}
