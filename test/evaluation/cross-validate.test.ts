import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { crossValidate, evaluateFolds, holdsFolds } from "../../lib/evaluation/cross-validate";
import { readModelFolder } from "../../lib/networks/model-folder";
import { writePhantoms } from "../../lib/phantom/write-phantoms";
import { parseTrainingSettings } from "../../lib/training/training-settings";

const classes = ["Dyskeratotic", "Superficial-Intermediate"] as const;

describe("cross-validation", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "folds-"));
    await writePhantoms({
      folder: path.join(folder, "data"),
      kind: "cells",
      classes,
      countPerClass: 8,
      size: 48,
      seed: 1,
    });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const job = () => ({
    data: path.join(folder, "data"),
    network: "resnet50-mini",
    out: path.join(folder, "out"),
    threads: 1,
    settings: parseTrainingSettings({ size: 32, epochs: 1, batch: 4 }),
    // Pairs of running numbers stand for slides.
    groups: "(\\d)[^\\d]*$",
  });

  it("judges each image once, by the model that saw neither it nor its group, with intervals over groups", async () => {
    const trained: string[][] = [];
    const result = await crossValidate({
      ...job(),
      folds: 2,
      onFold: (_, { card }) => trained.push([card.name, card.data.split ?? ""]),
    });
    expect(trained).toEqual([
      ["resnet50-mini-fold-0", "fold 0 of 2 held out"],
      ["resnet50-mini-fold-1", "fold 1 of 2 held out"],
    ]);
    expect(result.predictions).toHaveLength(16);
    expect(new Set(result.predictions.map(({ name }) => name)).size).toBe(16);
    expect(result.groups?.count).toBe(new Set(result.predictions.map(({ group }) => group)).size);
    expect(result.leakage).toMatchObject({ checked: 16, duplicates: 0, overlaps: 0 });
    const { card } = await readModelFolder(path.join(job().out, "fold-1"));
    expect(card.data.groups?.by).toBe(job().groups);
    expect(card.training?.recipe).toContain("the last kept");
    expect(card.evaluatedOn).toContain("by which nothing was chosen");
    expect(await readdir(job().out)).toEqual(
      expect.arrayContaining(["evaluation.html", "evaluation.json", "predictions.csv", "folds.json"]),
    );
    expect(await readFile(path.join(job().out, "evaluation.html"), "utf8")).toContain("held out of");
    expect(holdsFolds(job().out)).toBe(true);
    const again = await evaluateFolds({ model: job().out, data: job().data, threads: 1, leakCheck: false });
    expect(again.predictions).toEqual(result.predictions);
  });

  it("refuses a temperature, which the fold held out would choose", async () => {
    await expect(crossValidate({ ...job(), folds: 2, calibrate: true })).rejects.toMatchObject({
      code: "training.settings",
    });
  });
});
