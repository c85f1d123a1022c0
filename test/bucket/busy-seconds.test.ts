import { busySeconds } from "../../lib/bucket/busy-seconds";
import type { ObjectKey, WorkId } from "../../lib/contract/names";
import type { Outcome } from "../../lib/contract/outcome";

const from = (second: number, seconds: number): Outcome => ({
  status: "failed",
  work: "w" as WorkId,
  key: "k" as ObjectKey,
  finishedAt: new Date((second + seconds) * 1000).toISOString(),
  seconds,
  failure: { code: "image.truncated", message: "m" },
});

test("images that are in flight together are not paid for one by one", () => {
  // Five at a time, a new one each second: ten images of five seconds each are done in fourteen.
  expect(busySeconds(Array.from({ length: 10 }, (_, index) => from(index, 5)))).toBe(14);
  expect(busySeconds([from(0, 10), from(2, 3)])).toBe(10);
});

test("pauses between attempts are not counted, whatever the order", () => {
  expect(busySeconds([from(100, 5), from(0, 5)])).toBe(10);
  expect(busySeconds([])).toBe(0);
});

test("what was done before took no time", () => {
  const { failure: _, ...identity } = from(0, 60) as Extract<Outcome, { status: "failed" }>;
  expect(busySeconds([{ ...identity, status: "skipped", reason: "already-done" }, from(100, 5)])).toBe(5);
});
