import { CounterRandom } from "../random/counter-random";

interface CalibrationBin {
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
  /** The same of predictions with these probabilities that are right exactly as often as they say: what so few samples show by chance alone. */
  readonly expectedErrorByChance: number;
  readonly bins: readonly CalibrationBin[];
}

const chanceRounds = 200;

/** Calibration of the predicted class's probability over bins of equal width, (from, to]. */
export function calibration(confidences: ArrayLike<number>, right: readonly boolean[], binCount = 15): Calibration {
  const bins = binsOf(confidences, right, binCount);
  return {
    expectedError: errorOf(bins, right.length),
    expectedErrorByChance: errorByChance(confidences, right.length, binCount),
    bins,
  };
}

/** The expected error alone. */
export function expectedCalibrationError(
  confidences: ArrayLike<number>,
  right: readonly boolean[],
  binCount = 15,
): number {
  return errorOf(binsOf(confidences, right, binCount), right.length);
}

function errorByChance(confidences: ArrayLike<number>, samples: number, binCount: number): number {
  const random = new CounterRandom(1);
  let sum = 0;
  for (let round = 0; round < chanceRounds; round++) {
    const right = Array.from({ length: samples }, (_, index) => random.chance(confidences[index] ?? 0));
    sum += errorOf(binsOf(confidences, right, binCount), samples);
  }
  return sum / chanceRounds;
}

function binsOf(confidences: ArrayLike<number>, right: readonly boolean[], binCount: number): CalibrationBin[] {
  const sums = Array.from({ length: binCount }, () => ({ count: 0, confidence: 0, hits: 0 }));
  right.forEach((isRight, index) => {
    const confidence = confidences[index] ?? 0;
    const bin = sums[Math.min(binCount - 1, Math.max(0, Math.ceil(confidence * binCount) - 1))];
    if (!bin) return;
    bin.count++;
    bin.confidence += confidence;
    if (isRight) bin.hits++;
  });
  return sums.map(({ count, confidence, hits }, index) => ({
    from: index / binCount,
    to: (index + 1) / binCount,
    count,
    confidence: confidence / count,
    accuracy: hits / count,
  }));
}

function errorOf(bins: readonly CalibrationBin[], samples: number): number {
  return bins.reduce(
    (sum, { count, confidence, accuracy }) =>
      count === 0 ? sum : sum + (count / samples) * Math.abs(accuracy - confidence),
    0,
  );
}
