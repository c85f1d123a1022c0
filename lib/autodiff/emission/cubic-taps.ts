import type { RuleContext } from "../gradient-rule";

/** An element that takes part in an interpolation: its place relative to the sample's floor, its weight and that weight's derivative. */
export interface Tap {
  readonly offset: number;
  readonly weight: string;
  readonly derivative: string;
}

const a = -0.75;

/** Keys' cubic convolution with a = −0.75 (IEEE Trans. ASSP 29, 1981): near |d| ≤ 1, far 1 < |d| < 2, zero beyond. */
export function cubicTaps(context: RuleContext, fraction: string, like: string): Tap[] {
  const { graph } = context;
  const number = (value: number): string => context.scalar(value, like);
  const polynomial = (x: string, coefficients: readonly number[]): string =>
    coefficients
      .slice(1)
      .reduce(
        (sum, coefficient) => graph.add("Add", [graph.add("Mul", [sum, x]), number(coefficient)]),
        number(coefficients[0] ?? 0),
      );
  const near = [a + 2, -(a + 3), 0, 1];
  const far = [a, -5 * a, 8 * a, -4 * a];
  return [-1, 0, 1, 2].map((offset) => {
    // the distance |fraction − offset|, which grows with the fraction on its right and shrinks on its left
    const sign = offset <= 0 ? 1 : -1;
    const distance =
      sign === 1 ? graph.add("Sub", [fraction, number(offset)]) : graph.add("Sub", [number(offset), fraction]);
    const coefficients = offset === 0 || offset === 1 ? near : far;
    return {
      offset,
      weight: polynomial(distance, coefficients),
      derivative: polynomial(distance, derived(coefficients, sign)),
    };
  });
}

/** The coefficients of a cubic's derivative. */
function derived(coefficients: readonly number[], sign: number): number[] {
  return coefficients.slice(0, 3).map((coefficient, index) => sign * coefficient * (3 - index));
}
