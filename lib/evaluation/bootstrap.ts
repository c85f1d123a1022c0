import { quantile } from "../numeric/quantiles";
import { CounterRandom } from "../random/counter-random";

export interface Interval {
  readonly low: number;
  readonly high: number;
  /** For example 0.95. */
  readonly level: number;
}

export interface BootstrapOptions {
  readonly rounds?: number;
  readonly level?: number;
  readonly seed?: number;
  /** The group of each sample: whole groups are drawn then, as many as there are (cluster bootstrap; Field and Welsh, 2007). */
  readonly groups?: readonly string[] | undefined;
}

/**
 * A percentile bootstrap interval (Efron, 1979) of a statistic of `count` samples: the statistic is computed on `rounds` resamples,
 * each given as indices drawn with replacement.
 */
export function bootstrapInterval(
  count: number,
  statistic: (sample: Int32Array) => number,
  { rounds = 1000, level = 0.95, seed = 1, groups }: BootstrapOptions = {},
): Interval {
  const random = new CounterRandom(seed);
  const sample = new Int32Array(count);
  const members = groups && membersOf(groups);
  const drawn = (): Int32Array => {
    if (members) return Int32Array.from(members.flatMap(() => members[random.below(members.length)] ?? []));
    for (let index = 0; index < count; index++) sample[index] = random.below(count);
    return sample;
  };
  const values = Float64Array.from({ length: rounds }, () => statistic(drawn())).sort();
  return { low: quantile(values, (1 - level) / 2), high: quantile(values, (1 + level) / 2), level };
}

function membersOf(groups: readonly string[]): number[][] {
  const members = new Map<string, number[]>();
  groups.forEach((group, index) => members.set(group, [...(members.get(group) ?? []), index]));
  return [...members.values()];
}
