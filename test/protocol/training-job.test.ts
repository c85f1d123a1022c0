import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { Command } from "commander";
import { givenFlags } from "../../lib/cli/given-flags";
import { trainingTask } from "../../lib/contract/deployment";
import type { ObjectKey } from "../../lib/contract/names";
import { runTrainingJob } from "../../lib/protocol/training-job";
import { FolderStore } from "../../lib/storage/folder-store";

const scratch = mkdtempSync(path.join(os.tmpdir(), "cytolens-training-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const store = new FolderStore(path.join(scratch, "bucket"));
const text = async (key: string): Promise<string> => Buffer.from((await store.read(key as ObjectKey)).body).toString();
const attempt = (): string => mkdtempSync(path.join(scratch, "attempt-"));

test("an attempt that is cut off leaves its checkpoint, and the next goes on from it", async () => {
  await store.write("training/cells/data/round/one.png" as ObjectKey, "image");
  const first = runTrainingJob({
    store,
    name: "cells",
    scratch: attempt(),
    train: async ({ data, out }) => {
      expect(readFileSync(path.join(data, "round/one.png"), "utf8")).toBe("image");
      writeFileSync(path.join(out, "checkpoint.safetensors"), "epoch 3");
      writeFileSync(path.join(out, "model.onnx.part"), "half");
      throw new Error("reclaimed");
    },
  });
  await expect(first).rejects.toThrow("reclaimed");
  expect(await text("training/cells/run/checkpoint.safetensors")).toBe("epoch 3");

  const code = await runTrainingJob({
    store,
    name: "cells",
    scratch: attempt(),
    train: async ({ out }) => {
      expect(readFileSync(path.join(out, "checkpoint.safetensors"), "utf8")).toBe("epoch 3");
      expect(existsSync(path.join(out, "model.onnx.part"))).toBe(false);
      writeFileSync(path.join(out, "model.onnx"), "whole");
      return 0;
    },
  });
  expect(code).toBe(0);
  expect(await text("training/cells/run/model.onnx")).toBe("whole");
});

test("checkpoints are put back while it trains", async () => {
  await runTrainingJob({
    store,
    name: "long",
    scratch: attempt(),
    saveEverySeconds: 0.05,
    train: async ({ out }) => {
      for (const epoch of [1, 2]) {
        writeFileSync(path.join(out, "checkpoint.safetensors"), `epoch ${epoch}`);
        for (
          let tries = 0;
          tries < 100 && (await text("training/long/run/checkpoint.safetensors").catch(() => "")) !== `epoch ${epoch}`;
          tries++
        )
          await new Promise((resolve) => setTimeout(resolve, 50));
        expect(await text("training/long/run/checkpoint.safetensors")).toBe(`epoch ${epoch}`);
      }
      return 0;
    },
  });
});

test("a key that is no plain path inside the data set is left alone", async () => {
  await store.write("training/sly/data/../../escaped.txt" as ObjectKey, "x");
  await store.write("training/sly/data/fine.txt" as ObjectKey, "y");
  const folder = attempt();
  await runTrainingJob({ store, name: "sly", scratch: folder, train: async () => 0 });
  expect(existsSync(path.join(folder, "data/fine.txt"))).toBe(true);
  expect(existsSync(path.join(folder, "..", "escaped.txt"))).toBe(false);
});

test("the flags that were given travel to the job, the machine's own do not", async () => {
  const program = new Command().exitOverride();
  program
    .command("train")
    .argument("<data>")
    .requiredOption("-o, --out <folder>")
    .option("--network <name>", "", "a")
    .option("--epochs <n>", "", Number, 50)
    .option("--flips")
    .option("--freeze <prefixes...>", "", [])
    .option("--on-batch")
    .option("--bucket <b>")
    .option("--threads <n>");
  await program.parseAsync(
    [
      "train",
      "cells",
      "-o",
      "x",
      "--epochs",
      "3",
      "--flips",
      "--freeze",
      "conv1",
      "bn1",
      "--on-batch",
      "--bucket",
      "b",
      "--threads",
      "2",
    ],
    { from: "user" },
  );
  const flags = givenFlags(program.commands[0]!, new Set(["out", "onBatch", "bucket", "threads"]));
  expect(flags).toEqual(["--epochs", "3", "--flips", "--freeze", "conv1", "bn1"]);
  const task = { CYTOLENS_BUCKET: "b", CYTOLENS_TRAINING: "x", CYTOLENS_TRAINING_FLAGS: JSON.stringify(flags) };
  expect(trainingTask.parse(task).CYTOLENS_TRAINING_FLAGS).toEqual(flags);
  for (const wrong of [
    { ...task, CYTOLENS_TRAINING: "../x" },
    { ...task, CYTOLENS_TRAINING_FLAGS: "no" },
  ])
    expect(trainingTask.safeParse(wrong).success).toBe(false);
});
