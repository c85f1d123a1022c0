import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { chooseSplit, classBalancedFolds } from "../../lib/training/choose-split";
import { parseCsv } from "../../lib/training/csv-table";
import { readDataSet, type LabelledFile } from "../../lib/training/data-set";
import { readGroups } from "../../lib/training/image-groups";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "groups-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function put(name: string, content = ""): Promise<void> {
  await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
  await writeFile(path.join(folder, name), content);
}

/** Images of ten slides of each of two classes, three a slide. */
async function slides(): Promise<void> {
  for (const name of ["a", "b"])
    for (let slide = 0; slide < 10; slide++)
      for (let image = 0; image < 3; image++) await put(`${name}/${slide}-${name}${image}.png`);
}

const slideOf = ({ name }: LabelledFile): string => /\/(\d+)-/.exec(name)![1]!;
const slidesOf = (files: readonly LabelledFile[]): string[] => [...new Set(files.map(slideOf))].sort();
const refusal = (code: string, message: RegExp) => ({ code, message: expect.stringMatching(message) as string });

describe("groups of images", () => {
  it("come from a pattern on the name", async () => {
    await slides();
    const { of, count } = await readGroups(await readDataSet(folder), "^(\\d+)-");
    expect([count, of.get("a/7-a0.png")]).toEqual([10, "7"]);
  });

  it("come from a column of a table, whose rows name files by stem, file name or path", async () => {
    await slides();
    const { files } = await readDataSet(folder);
    for (const nameOf of [
      ({ name }: LabelledFile) => name,
      ({ name }: LabelledFile) => path.basename(name),
      ({ name }: LabelledFile) => path.basename(name, ".png"),
    ]) {
      const rows = files.map((file) =>
        `${file.label};"slide ""${slideOf(file)}"""; ${nameOf(file)}`.replace("; ", ";"),
      );
      await put("cells.csv", ["class;slide;cell", ...rows].join("\r\n"));
      const { of, count } = await readGroups(await readDataSet(folder), "cells.csv:slide");
      expect([count, of.get("b/3-b2.png")]).toEqual([10, 'slide "3"']);
    }
  });

  it("come from folders below the class, which are read too", async () => {
    for (const name of ["a/s1/x.png", "a/s2/y.png", "b/s1/z.png", "b/s3/deep/x.png"]) await put(name);
    const dataSet = await readDataSet(folder);
    expect(dataSet.files.map(({ name }) => name)).toEqual([
      "a/s1/x.png",
      "a/s2/y.png",
      "b/s1/z.png",
      "b/s3/deep/x.png",
    ]);
    expect([...(await readGroups(dataSet, "folder:1")).of.values()]).toEqual(["s1", "s2", "s1", "s3"]);
    await expect(readGroups(dataSet, "folder:2")).rejects.toMatchObject(
      refusal("groups.missing", /3 of 4 have none: a\/s1/),
    );
  });

  it.each([
    ["nothing.csv:slide", "groups.table", /a table at .*nothing.csv/],
    ["cells.csv:patient", "groups.table", /column "patient" in cells.csv but its columns are cell, slide/],
    ["other.csv:slide", "groups.table", /names the images of .* another set\?/],
    ["part.csv:slide", "groups.missing", /a value for every image but 59 of 60 have none/],
    ["twice.csv:slide", "groups.table", /one slide for each image in twice.csv but "0-a0" has 1 and 2/],
    ["^\\d+-", "groups.rule", /a parenthesis around the group/],
    ["^(", "groups.rule", /a pattern .* but received "\^\("/],
    ["folder:0", "groups.rule", /folder:1/],
    ["([ab])\\d", "groups.class-in-one-group", /all images of a are of "a"/],
    ["(png)$", "groups.one", /all 60 images are of "png"/],
  ])("%s is refused: %s", async (rule, code, message) => {
    await slides();
    await put("cells.csv", "cell,slide\n0-a0,1\n");
    await put("other.csv", "cell,slide\nsome,1\nthing,2\n");
    await put("part.csv", "cell,slide\n0-a0,1\n");
    await put("twice.csv", "cell,slide\n0-a0,1\n0-a0,2\n");
    await expect(readDataSet(folder).then((dataSet) => readGroups(dataSet, rule))).rejects.toMatchObject(
      refusal(code, message),
    );
  });

  it("tables may be tab-separated and end with or without a line", () => {
    expect(parseCsv('\uFEFFa\tb\n1\t"x\ty"\n2\t')).toEqual({
      columns: ["a", "b"],
      rows: [
        ["1", "x\ty"],
        ["2", ""],
      ],
    });
  });
});

describe("splits by groups", () => {
  beforeEach(slides);

  it("part no group, and give each part its share of every class", async () => {
    const split = await chooseSplit(await readDataSet(folder), { split: "study", groups: "^(\\d+)-" });
    const parts = [split.train, split.validation, split.test];
    expect(parts.flatMap(slidesOf).toSorted()).toEqual([..."0123456789"]);
    expect(parts.map((files) => files.filter(({ label }) => label === 1).length)).toEqual([21, 6, 3]);
    expect(split.description).toBe("study, no group in two parts");
  });

  it("deal folds that share no group and hold every class alike", async () => {
    const dataSet = await readDataSet(folder);
    const folds = classBalancedFolds(dataSet, 5, await readGroups(dataSet, "^(\\d+)-"));
    expect(folds.flatMap(slidesOf).toSorted()).toEqual([..."0123456789"]);
    expect(folds.map((files) => files.filter(({ label }) => label === 0).length)).toEqual([6, 6, 6, 6, 6]);
    const held = await chooseSplit(dataSet, { split: "study", groups: "^(\\d+)-", heldOut: { fold: 2, of: 5 } });
    expect(held.validation).toEqual(folds[2]);
    expect(held.train).toHaveLength(48);
    await expect(async () =>
      classBalancedFolds(dataSet, 11, await readGroups(dataSet, "^(\\d+)-")),
    ).rejects.toMatchObject(refusal("groups.fold-without-class", /fold 10 has none of a, which 10 groups hold/));
  });

  it("take folds from a table, whichever part names them", async () => {
    const { files } = await readDataSet(folder);
    const rows = files.map((file) => `${path.basename(file.name)},${slideOf(file)},${Number(slideOf(file)) % 4}`);
    await put("cells.csv", ["cell,slide,fold", ...rows].join("\n"));
    const dataSet = await readDataSet(folder);
    const choice = { split: "study", groups: "cells.csv:slide", foldColumn: "fold" } as const;
    const split = await chooseSplit(dataSet, { ...choice, partFolds: { train: ["0", "1"], validation: ["2"] } });
    expect([split.train, split.validation, split.test].map(slidesOf)).toEqual([
      ["0", "1", "4", "5", "8", "9"],
      ["2", "6"],
      ["3", "7"],
    ]);
    expect(split.description).toBe("folds of cells.csv:fold: train 0, 1; validation 2; test 3");
    const test = await chooseSplit(dataSet, { ...choice, partFolds: { test: ["3"] } });
    expect([test.train.length, test.validation.length, test.test.length]).toEqual([48, 0, 12]);
    const held = await chooseSplit(dataSet, { ...choice, heldOut: { fold: 1, of: 4 } });
    expect(slidesOf(held.validation)).toEqual(["1", "5", "9"]);
    for (const [wrong, message] of [
      [{ ...choice, partFolds: { train: ["7"] } }, /folds of cells.csv:fold \(0, 1, 2, 3\) but received 7/],
      [{ ...choice, partFolds: { train: ["1"], validation: ["1"] } }, /1 is in two/],
      [{ ...choice, heldOut: { fold: 0, of: 3 } }, /3 folds in cells.csv:fold but received 4/],
      [{ ...choice, groups: "(\\d)\\.png" }, /every group .* in one fold of .* but "0" is in/],
    ] as const)
      await expect(chooseSplit(dataSet, { ...wrong, foldColumn: "cells.csv:fold" })).rejects.toMatchObject(
        refusal("groups.fold", message),
      );
    await expect(chooseSplit(dataSet, { split: "study", foldColumn: "fold" })).rejects.toMatchObject({
      code: "groups.rule",
    });
  });

  it("refuse a fold without a class", async () => {
    const { files } = await readDataSet(folder);
    const rows = files.map((file) => `${path.basename(file.name)},${file.label === 0 && slideOf(file) < "5" ? 0 : 1}`);
    await put("cells.csv", ["cell,fold", ...rows].join("\n"));
    await expect(
      chooseSplit(await readDataSet(folder), {
        split: "study",
        foldColumn: "cells.csv:fold",
        partFolds: { train: ["1"], validation: ["0"] },
      }),
    ).rejects.toMatchObject(refusal("groups.fold-without-class", /validation has none of b/));
  });
});
