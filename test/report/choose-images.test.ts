import type { Outcome } from "../../lib/contract/outcome";
import { chooseImages } from "../../lib/report/choose-images";

const failed = (i: number): Outcome => ({
  status: "failed",
  work: "w" as Outcome["work"],
  key: `f${i}` as Outcome["key"],
  finishedAt: "2026-01-01T00:00:00Z",
  seconds: 1,
  failure: { code: "c", message: "m" },
});
const succeeded = (i: number, probability: number, relative: number, converged = true): Outcome => ({
  status: "succeeded",
  work: "w" as Outcome["work"],
  key: `s${String(i).padStart(7, "0")}` as Outcome["key"],
  finishedAt: "2026-01-01T00:00:00Z",
  seconds: 1,
  resultKey: "r" as Outcome["key"],
  classIndex: 0,
  className: "a",
  probability,
  explanations: [{ method: "integrated-gradients", relative, mapChange: 0, converged }],
  warnings: [],
});

async function* rows(outcomes: Iterable<Outcome>): AsyncGenerator<{ outcome: Outcome }> {
  for (const outcome of outcomes) yield { outcome };
}

test("a small batch is shown whole", async () => {
  const { chosen, leftOut } = await chooseImages(rows([failed(1), succeeded(1, 0.9, 0), succeeded(2, 0.2, 0.5)]));
  expect(chosen.map(({ outcome, reason }) => [outcome.key, reason])).toEqual([
    ["f1", "failed"],
    ["s0000001", "sample"],
    ["s0000002", "sample"],
  ]);
  expect(leftOut).toBe(0);
});

test("in the order of listings, where characters beyond 16 bits come after all others", async () => {
  const keys = ["\u{1f52c}.png", "\uff21.png", "a.png", "\ufffd.png", "\u{10000}.png"];
  const batch = keys.map((key, i) => ({ ...succeeded(i, 0.9, 0), key: key as Outcome["key"] }));
  const { chosen } = await chooseImages(rows(batch));
  expect(chosen.map(({ outcome }) => outcome.key)).toEqual([
    "a.png",
    "\uff21.png",
    "\ufffd.png",
    "\u{10000}.png",
    "\u{1f52c}.png",
  ]);
});

function* many(): Generator<Outcome> {
  for (let i = 0; i < 20_000; i++)
    yield i % 1000 === 7
      ? failed(i)
      : succeeded(i, 0.5 + ((i * 7919) % 20_000) / 40_000, i === 4321 ? 0.9 : 0.001, i !== 1234);
}

test("a large one by its failures, its least certain and least complete, and the same sample every time", async () => {
  const { chosen, leftOut } = await chooseImages(rows(many()), 100);
  expect(chosen).toHaveLength(100);
  expect(leftOut).toBe(19_900);
  const of = (wanted: string) => chosen.filter(({ reason }) => reason === wanted).map(({ outcome }) => outcome);
  expect(of("failed")).toHaveLength(20);
  expect(of("least certain").every((outcome) => outcome.status === "succeeded" && outcome.probability < 0.502)).toBe(
    true,
  );
  expect(of("least complete").map(({ key }) => key)).toEqual(expect.arrayContaining(["s0001234", "s0004321"]));
  expect(of("sample").length).toBeGreaterThan(20);
  const again = await chooseImages(rows([...many()]), 100);
  expect(again.chosen.map(({ outcome }) => outcome.key)).toEqual(chosen.map(({ outcome }) => outcome.key));
});

test("skipped images are neither shown nor left out", async () => {
  const skipped: Outcome = {
    status: "skipped",
    work: "w" as Outcome["work"],
    key: "k" as Outcome["key"],
    finishedAt: "2026-01-01T00:00:00Z",
    seconds: 0,
    reason: "deleted",
  };
  expect(await chooseImages(rows([skipped]))).toEqual({ chosen: [], leftOut: 0 });
});
