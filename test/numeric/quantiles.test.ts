import { median, quantile } from "../../lib/numeric/quantiles";

describe("a quantile", () => {
  it("is numpy.quantile's of the same values", () => {
    const values = [1, 2, 4, 8, 16];
    expect([0, 0.1, 0.25, 0.5, 0.9, 0.99, 1].map((share) => quantile(values, share))).toEqual([
      1, 1.4, 2, 4, 12.8, 15.68, 16,
    ]);
  });

  it("of one value is that value, of equal ones theirs, of none not a number", () => {
    expect(quantile([3], 0.99)).toBe(3);
    expect(quantile(Float32Array.of(0.1, 0.1, 0.1), 0.3)).toBe(Math.fround(0.1));
    expect(quantile([], 0.5)).toBeNaN();
  });
});

describe("a median", () => {
  it("is the middle, or the mean of the two in the middle, whatever the order", () => {
    expect(median([10, 9, 1])).toBe(9);
    expect(median([10, 2, 9, 1])).toBe(5.5);
    expect(median(new Set([7]))).toBe(7);
  });

  it("of nothing is not a number, and leaves its argument as it was", () => {
    expect(median([])).toBeNaN();
    const values = [3, 1, 2];
    median(values);
    expect(values).toEqual([3, 1, 2]);
  });
});
