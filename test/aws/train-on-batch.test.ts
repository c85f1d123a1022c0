import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { trainOnBatch } from "../../lib/aws/train-on-batch";
import type { Deployment } from "../../lib/contract/deployment";
import { deploymentKey, trainingDataPrefix } from "../../lib/contract/object-keys";
import type { JobQueue, JobState } from "../../lib/protocol/ports";
import { FolderStore } from "../../lib/storage/folder-store";
import { listAll } from "../../lib/storage/object-store";

const scratch = mkdtempSync(path.join(os.tmpdir(), "cytolens-train-on-batch-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const files = ["one/a.png", "two/b.png"].map((to) => ({ from: path.join(scratch, "data", to), to }));
beforeAll(() => {
  for (const { from } of files) {
    mkdirSync(path.dirname(from), { recursive: true });
    writeFileSync(from, Buffer.alloc(600 * 2 ** 10));
  }
});

let folders = 0;
async function bucketOf(roomMiB?: number): Promise<FolderStore> {
  const store = new FolderStore(path.join(scratch, `bucket-${++folders}`));
  const deployed: Deployment = {
    schemaVersion: 1,
    stack: "S",
    queue: "q",
    training: { jobDefinition: "d", roomMiB: roomMiB ?? 1 },
  };
  if (roomMiB !== undefined) await store.write(deploymentKey, JSON.stringify(deployed));
  return store;
}

const order = { name: "cells", files, flags: ["--epochs", "3"] };
type Submission = [stack: string, name: string, flags: readonly string[]];

async function submitted(
  store: FolderStore,
  jobs?: Pick<JobQueue, "describe">,
): Promise<{ jobId: string; submissions: Submission[]; keys: string[] }> {
  const submissions: Submission[] = [];
  const { jobId } = await trainOnBatch(store, order, { parallel: 2 }, jobs, async ({ stack }, name, flags) => {
    submissions.push([stack, name, flags]);
    return { jobId: "j" };
  });
  const keys: string[] = [];
  for await (const { key } of listAll(store, trainingDataPrefix("cells"))) keys.push(key);
  return { jobId, submissions, keys };
}

test("uploads the data set, then submits the job that the deploy wrote down", async () => {
  expect(await submitted(await bucketOf(2))).toEqual({
    jobId: "j",
    submissions: [["S", "cells", ["--epochs", "3"]]],
    keys: ["training/cells/data/one/a.png", "training/cells/data/two/b.png"],
  });
});

test("refuses a data set larger than a training's room before anything is uploaded", async () => {
  const store = await bucketOf(1);
  await expect(submitted(store)).rejects.toThrow(/Expected at most 1 MiB of images but received 2/);
  for await (const { key } of listAll(store, trainingDataPrefix("cells"))) throw new Error(`unexpected ${key}`);
});

test("two trainings under one name do not write over each other: the second waits until the first has ended", async () => {
  const store = await bucketOf(2);
  const state = (now: JobState): Pick<JobQueue, "describe"> => ({
    describe: async (jobId) => ({ jobId, name: "train-cells", state: now }),
  });
  await submitted(store);
  await expect(submitted(store, state("running"))).rejects.toMatchObject({ code: "train.running" });
  await expect(submitted(store, state("waiting"))).rejects.toThrow(/choose another name with --out/);
  expect((await submitted(store, state("failed"))).submissions).toHaveLength(1);
  const races = await Promise.allSettled([submitted(store, state("failed")), submitted(store, state("failed"))]);
  expect(races.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
});

test("refuses a bucket that no stack wrote to", async () => {
  await expect(submitted(await bucketOf())).rejects.toMatchObject({ code: "train.no-deployment" });
});
