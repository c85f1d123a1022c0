import type { BatchName } from "../../lib/contract/names";
import type { Outcome } from "../../lib/contract/outcome";
import { summarise } from "../../lib/protocol/collecting/summarise";
import type { BatchRow } from "../../lib/protocol/ports";

const uniform = "nearly uniform: every pixel within 8 levels of (0, 0, 0); there is nothing to tell it by";

async function* rows(warnings: readonly string[][]): AsyncGenerator<BatchRow> {
  for (const [i, list] of warnings.entries()) {
    const outcome = {
      status: "succeeded",
      work: `w${i}`,
      key: `incoming/b/${i}.png`,
      finishedAt: "2026-01-01T00:00:00.000Z",
      seconds: 1,
      resultKey: `results/b/${i}`,
      classIndex: 0,
      className: "a",
      probability: 0.5,
      explanations: [],
      warnings: list,
    } as unknown as Outcome;
    yield { outcome, run: "r" as BatchRow["run"], ordinal: 1 };
  }
}

const notesOf = async (warnings: readonly string[][]): Promise<readonly string[]> =>
  (await summarise("b" as BatchName, [], rows(warnings), new Date(0), null)).notes;

test("a batch of which most images are of one colour says so", async () => {
  expect(await notesOf([[uniform], ["mpp unknown", uniform], ["mpp unknown"]])).toEqual([
    expect.stringMatching(/^2 of 3 images are nearly uniform, of one colour each/),
  ]);
});

test("a few empty fields are no fault of the batch, and no batch is one", async () => {
  expect(await notesOf([[uniform], ["mpp unknown"]])).toEqual([]);
  expect(await notesOf([])).toEqual([]);
});
