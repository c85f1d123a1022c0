import type { Outcome } from "../contract/outcome";

/**
 * How long a worker was at work on these images, in seconds: an image's seconds are those from reading it to having its files,
 * and several are in flight at a time, so what they share counts once. What was found done before took no time.
 */
export function busySeconds(outcomes: Iterable<Outcome>): number {
  const spans = [...outcomes]
    .filter((outcome) => outcome.seconds > 0 && !(outcome.status === "skipped" && outcome.reason === "already-done"))
    .map(({ finishedAt, seconds }) => ({ from: Date.parse(finishedAt) - seconds * 1000, to: Date.parse(finishedAt) }))
    .sort((a, b) => a.from - b.from);
  let milliseconds = 0;
  let end = -Infinity;
  for (const { from, to } of spans) {
    milliseconds += Math.max(0, to - Math.max(from, end));
    end = Math.max(end, to);
  }
  return milliseconds / 1000;
}
