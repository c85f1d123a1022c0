export interface CalibrationBin {
  readonly from: number;
  readonly to: number;
  readonly count: number;
  /** Mean probability of the predicted class, and how often it was right; NaN in an empty bin. */
  readonly confidence: number;
  readonly accuracy: number;
}

export interface Calibration {
  /** Expected calibration error: Σ over bins of (share of samples) · |accuracy − confidence| (Guo et al., ICML 2017). */
  readonly expectedError: number;
  readonly bins: readonly CalibrationBin[];
}

/** Calibration of the predicted class's probability over bins of equal width, (from, to]. */
export function calibration(confidences: ArrayLike<number>, right: readonly boolean[], binCount = 15): Calibration {
  const sums = Array.from({ length: binCount }, () => ({ count: 0, confidence: 0, hits: 0 }));
  right.forEach((isRight, index) => {
    const confidence = confidences[index] ?? 0;
    const bin = sums[Math.min(binCount - 1, Math.max(0, Math.ceil(confidence * binCount) - 1))];
    if (!bin) return;
    bin.count++;
    bin.confidence += confidence;
    if (isRight) bin.hits++;
  });
  const bins = sums.map(({ count, confidence, hits }, index) => ({ from: index / binCount, to: (index + 1) / binCount, count, confidence: confidence / count, accuracy: hits / count }));
  const expectedError = bins.reduce((sum, { count, confidence, accuracy }) => (count === 0 ? sum : sum + (count / right.length) * Math.abs(accuracy - confidence)), 0);
  return { expectedError, bins };
}
