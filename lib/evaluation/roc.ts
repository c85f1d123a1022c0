export interface RocCurve {
  /** Area under the curve; NaN where a class has no samples, or nothing but its samples. */
  readonly area: number;
  /** From (0, 0) to (1, 1), one point a threshold. */
  readonly points: readonly { readonly falsePositiveRate: number; readonly truePositiveRate: number }[];
}

/** Receiver operating characteristic of one class against the rest; equal scores share one threshold, so that ties count half. */
export function rocCurve(scores: ArrayLike<number>, positive: readonly boolean[]): RocCurve {
  const order = positive.map((_, index) => index).sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0));
  const positives = positive.filter(Boolean).length,
    negatives = positive.length - positives;
  if (positives === 0 || negatives === 0) return { area: Number.NaN, points: [] };
  const points = [{ falsePositiveRate: 0, truePositiveRate: 0 }];
  let hits = 0,
    alarms = 0,
    area = 0;
  for (let at = 0; at < order.length;) {
    const threshold = scores[order[at] ?? 0];
    const [hitsBefore, alarmsBefore] = [hits, alarms];
    for (; at < order.length && scores[order[at] ?? 0] === threshold; at++) {
      if (positive[order[at] ?? 0]) hits++;
      else alarms++;
    }
    area += ((alarms - alarmsBefore) * (hits + hitsBefore)) / 2;
    points.push({ falsePositiveRate: alarms / negatives, truePositiveRate: hits / positives });
  }
  return { area: area / (positives * negatives), points };
}
