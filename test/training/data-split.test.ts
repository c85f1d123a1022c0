import { readFileSync } from "node:fs";
import path from "node:path";
import { PythonRandom } from "../../lib/training/python-random";
import { splitOf, studySplit } from "../../lib/training/data-split";
import type { DataSet } from "../../lib/training/data-set";
import { describeWithReference } from "../reference";

const supportsOfFields = [23, 25, 28, 12, 13],
  supportsOfCells = [82, 83, 80, 80, 84];
const range = (n: number) => Array.from({ length: n }, (_, index) => index);

describeWithReference("CPython's shuffle", (folder) => {
  const file = path.join(folder, "oracle", "split", "seed230.json");
  const { seed, permutations } = (
    folder ? JSON.parse(readFileSync(file, "utf8")) : { seed: 0, permutations: { 0: [] } }
  ) as { seed: number; permutations: Record<string, number[]> };

  it.each(Object.entries(permutations))("of %s items after random.seed(230)", (n, permutation) => {
    expect(new PythonRandom(seed).shuffle(range(Number(n)))).toEqual(permutation);
  });
});

describe("the study's split", () => {
  it.each([
    ["fields", [223, 238, 271, 108, 126], supportsOfFields],
    ["cells", [813, 825, 793, 787, 831], supportsOfCells],
  ])("leaves the study's supports for the test of %s", (_, sizes, supports) => {
    expect(sizes.map((n) => studySplit(range(n)).test.length)).toEqual(supports);
  });

  it("parts every class without loss or overlap", () => {
    const dataSet: DataSet = {
      folder: "",
      layout: "class-folders",
      classes: ["a", "b"],
      masked: false,
      files: [0, 1].flatMap((label) =>
        range(40 + label).map((index) => ({ file: `${index}`, name: `${label}/${index}`, label })),
      ),
    };
    const { train, validation, test } = splitOf(dataSet, "study");
    expect(new Set([...train, ...validation, ...test].map(({ name }) => name)).size).toBe(81);
    expect([train.length, validation.length, test.length]).toEqual([56, 16, 9]);
    const tenth = splitOf(dataSet, "tenth");
    expect([tenth.train.length, tenth.validation.length, tenth.test.length]).toEqual([73, 8, 0]);
    expect(tenth.validation[0]?.name).toBe("0/9");
  });
});
