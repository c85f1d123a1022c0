import { quantile } from "../numeric/quantiles";
import { CounterRandom } from "../random/counter-random";

export interface Interval {
  readonly low: number;
  readonly high: number;
  /** For example 0.95. */
  readonly level: number;
}

/**
 * A percentile bootstrap interval (Efron, 1979) of a statistic of `count` samples: the statistic is computed on `rounds` resamples,
 * each given as indices drawn with replacement.
 */
export function bootstrapInterval(
  count: number,
  statistic: (sample: Int32Array) => number,
  { rounds = 1000, level = 0.95, seed = 1 } = {},
): Interval {
  const random = new CounterRandom(seed);
  const sample = new Int32Array(count);
  const values = Float64Array.from({ length: rounds }, () => {
    for (let index = 0; index < count; index++) sample[index] = random.below(count);
    return statistic(sample);
  }).sort();
  return { low: quantile(values, (1 - level) / 2), high: quantile(values, (1 + level) / 2), level };
}
