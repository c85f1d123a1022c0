import type { Interval } from "./bootstrap";

/** Interval of a share by Wilson's score (1927), for 95 %: unlike a bootstrap it is honest when all or none of a few samples are right. */
export function wilsonInterval(hits: number, count: number): Interval {
  const z = 1.959964,
    share = hits / count,
    square = (z * z) / count;
  const middle = (share + square / 2) / (1 + square);
  const reach = (z / (1 + square)) * Math.sqrt((share * (1 - share) + square / 4) / count);
  return { low: Math.max(0, middle - reach), high: Math.min(1, middle + reach), level: 0.95 };
}
