import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { writePhantoms } from "../../lib/phantom/write-phantoms";
import { readDataSet } from "../../lib/training/data-set";
import { projectRoot } from "../reference";

let folder: string;

function cytolens(...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [path.join(projectRoot, "dist/bin/cytolens.js"), ...words],
      { cwd: folder },
      (error, stdout, stderr) => resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr }),
    );
  });
}

const narrow = ["--network", "resnet50-mini", "--size", "32", "--batch", "4", "--threads", "1"];

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "cytolens-train-"));
  await writePhantoms({
    folder: path.join(folder, "data"),
    kind: "cells",
    classes: ["Parabasal", "Metaplastic"],
    countPerClass: 8,
    size: 48,
    seed: 1,
  });
  const { files } = await readDataSet(path.join(folder, "data"));
  const rows = files.map(({ name }, index) => `${path.basename(name)},${index % 4},${index % 2}`);
  await writeFile(path.join(folder, "data", "cells.csv"), ["image,slide,fold", ...rows].join("\n"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("train parts slides by a table, and evaluate judges the fold that was left, with intervals over slides", async () => {
  const split = ["--groups", "cells.csv:slide", "--fold-column", "fold"];
  const trained = await cytolens(
    "train",
    "data",
    "-o",
    "model",
    ...narrow,
    "--epochs",
    "1",
    ...split,
    "--train-folds",
    "0",
    "--validation-folds",
    "1",
    "--sampling",
    "balanced",
    "--max-per-class",
    "3",
    "--head-lr",
    "0.01",
    "--json",
  );
  expect(trained).toMatchObject({ code: 0 });
  const { card } = JSON.parse(trained.stdout) as { card: Record<string, Record<string, unknown>> };
  expect(card["data"]).toMatchObject({
    split: "folds of cells.csv:fold: train 0; validation 1",
    groups: { by: "cells.csv:slide", count: 4 },
    leakage: { checked: 8, duplicates: 0, overlaps: 0 },
  });
  expect(card["training"]!["recipe"]).toMatch(/0.01 for the head.*classes drawn equally often; at most 3 images/);
  const judged = await cytolens("evaluate", "model", "data", ...split, "--test-folds", "1");
  expect(judged.stdout).toMatch(/^8 images: top-1 .* resampling 2 groups\)/);
}, 120_000);

const train = (...words: string[]) => cytolens("train", "data", "-o", "longer", ...narrow, "--no-leak-check", ...words);

test("a finished run is prolonged when asked to, and refused with what differs when not", async () => {
  expect((await train("--epochs", "1")).code).toBe(0);
  expect(await train("--epochs", "2")).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/settings.epochs: 1 there, 2 here; pass --resume/) as string,
  });
  const prolonged = await train("--epochs", "2", "--resume", "--json");
  const { card } = JSON.parse(prolonged.stdout) as { card: { training: { recipe: string } } };
  expect(card.training.recipe).toContain("first planned for 1 epochs and prolonged");
}, 120_000);

test.each([
  [["--groups", "other.csv:slide"], /groups.table|a table at/],
  [["--groups", "(png)$"], /at least two groups/],
  [["--weights", "imagnet"], /"none", "imagenet"/],
  [["--folds", "1"], /whole number from 2 on/],
  [["--folds", "9"], /Expected images of every class in each part but fold 8 has none/],
  [["--drop-path", "0.1"], /none that may be/],
])("train %j is refused in a sentence", async (words, message) => {
  const { code, stderr } = await cytolens(
    "train",
    "data",
    "-o",
    "refused",
    ...narrow,
    "--epochs",
    "1",
    "--no-leak-check",
    ...words,
  );
  expect(code).toBe(2);
  expect(stderr).toMatch(message);
});
