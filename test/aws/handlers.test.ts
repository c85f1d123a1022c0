import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { collectAfterJob } from "../../lib/aws/job-events";
import { meteredStore } from "../../lib/aws/metered-store";
import { keyInEvent, planMessages } from "../../lib/aws/plan-messages";
import { pipelineOnAws } from "../../lib/aws/pipeline-on-aws";
import { reconcileOnSchedule } from "../../lib/aws/reconcile-schedule";
import { EnvironmentError } from "../../lib/contract/errors";
import type { ObjectKey } from "../../lib/contract/names";
import { FolderStore } from "../../lib/storage/folder-store";
import type { ObjectStore } from "../../lib/storage/object-store";
import { surroundings, type Surroundings } from "./surroundings";

const scratch = mkdtempSync(path.join(os.tmpdir(), "cytolens-handlers-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

let folders = 0;
const withFolder = (change: (store: ObjectStore) => ObjectStore = (store) => store): Surroundings =>
  surroundings(change(new FolderStore(path.join(scratch, String(++folders)))));

const uploads = (...keys: string[]): string =>
  JSON.stringify({ Records: keys.map((key) => ({ s3: { object: { key } } })) });
const message = (messageId: string, body: string): { messageId: string; body: string } => ({ messageId, body });

test("a message that cannot be read fails alone", async () => {
  const { pipeline, log, lines, ticks } = withFolder();
  const answer = await planMessages(pipeline, log, [
    message("1", uploads("incoming/a/1.png")),
    message("2", "{"),
    message("3", '{"kind":"tick"}'),
    message("4", uploads("incoming/b/%E0%A4%A.png")),
    message("5", JSON.stringify({ Event: "s3:TestEvent", Service: "Amazon S3" })),
    message("6", uploads("incoming/c/1.png", "incoming/a/2.png")),
  ]);
  expect(answer).toEqual({
    batchItemFailures: [{ itemIdentifier: "2" }, { itemIdentifier: "3" }, { itemIdentifier: "4" }],
  });
  expect(ticks.map(([batch]) => batch).sort()).toEqual(["a", "c"]);
  expect(lines.filter(({ level }) => level === "error")).toHaveLength(3);
});

test("a batch that cannot be noted fails alone, and says why", async () => {
  const { pipeline, log, lines } = withFolder(
    (store) =>
      new Proxy(store, {
        get: (target, name) => {
          const member: unknown = Reflect.get(target, name);
          if (name !== "write") return typeof member === "function" ? (member.bind(target) as unknown) : member;
          return async (...args: Parameters<ObjectStore["write"]>) => {
            if (args[0].startsWith("runs/bad/")) throw new EnvironmentError("storage.denied", "denied");
            return target.write(...args);
          };
        },
      }),
  );
  const answer = await planMessages(pipeline, log, [
    message("1", uploads("incoming/good/1.png")),
    message("2", uploads("incoming/bad/1.png")),
  ]);
  expect(answer.batchItemFailures).toEqual([{ itemIdentifier: "2" }]);
  expect(lines).toContainEqual(
    expect.objectContaining({ level: "error", code: "storage.denied", key: "incoming/bad/1.png" }),
  );
});

test("ticks of one batch are looked into once; one that is of no use any more is no failure", async () => {
  const { pipeline, log, lines } = withFolder();
  const tick = '{"kind":"tick","batch":"gone"}';
  expect(await planMessages(pipeline, log, [message("1", tick), message("2", tick)])).toEqual({
    batchItemFailures: [],
  });
  expect(lines.filter(({ batch }) => batch === "gone")).toEqual([expect.objectContaining({ outcome: "nothing" })]);
});

test.each([
  ["incoming/a/b+c.png", "incoming/a/b c.png"],
  ["incoming/a/b%2Bc.png", "incoming/a/b+c.png"],
  ["incoming/a/%252B.png", "incoming/a/%2B.png"],
  ["incoming/a/u%CC%88.png", "incoming/a/u\u0308.png"],
  ["incoming/a/%C3%BC.png", "incoming/a/ü.png"],
  ["incoming/a/b%20c.png", "incoming/a/b c.png"],
])("%s in an event is %s in the bucket", (encoded, key) => {
  expect(keyInEvent(encoded)).toBe(key);
});

test("jobs of others and children of arrays are left alone", async () => {
  const { pipeline, log, lines } = withFolder();
  const detail = { jobId: "j", jobName: "n", status: "SUCCEEDED" };
  expect(await collectAfterJob(pipeline, log, { detail })).toBeUndefined();
  expect(
    await collectAfterJob(pipeline, log, {
      detail: { ...detail, parameters: { batch: "a", run: "0123456789abcdef" }, arrayProperties: { index: 3 } },
    }),
  ).toBeUndefined();
  expect(lines.map(({ message: said }) => said)).toEqual(["not a run of ours", "not a run of ours"]);
});

test("the end of a training is told, with its reason", async () => {
  const { pipeline, log } = withFolder();
  const told: [string, string][] = [];
  const notices = { publish: async (subject: string, message: string) => void told.push([subject, message]) };
  const ends = (status: string, statusReason?: string): Promise<unknown> =>
    collectAfterJob({ ...pipeline, notices }, log, {
      detail: { jobId: "j", jobName: "train-cells", status, statusReason, parameters: { training: "cells" } },
    });
  await ends("SUCCEEDED");
  await ends("FAILED", "Job attempt duration exceeded timeout");
  expect(told).toEqual([
    ["Training cells is done", expect.stringContaining("training/cells/run/")],
    ["Training cells has ended without a model", expect.stringContaining("Job attempt duration exceeded timeout")],
  ]);
});

test("a run that cannot be collected is an error, for Lambda to try again", async () => {
  const { pipeline, log, lines } = withFolder();
  const event = {
    detail: {
      jobId: "j",
      jobName: "n",
      status: "FAILED",
      parameters: { batch: "a%2Fb".replace("%2F", "%20"), run: "0123456789abcdef" },
    },
  };
  await expect(collectAfterJob(pipeline, log, event)).rejects.toThrow();
  expect(lines).toContainEqual(expect.objectContaining({ level: "error", batch: "a b", run: "0123456789abcdef" }));
});

test("the reconciler counts what it mended, and fails when a batch could not be looked at", async () => {
  const { pipeline, log, lines } = withFolder();
  await pipeline.store.write("incoming/lost/1.png" as ObjectKey, "x");
  await reconcileOnSchedule(pipeline, log);
  expect(lines.at(-1)).toMatchObject({ BatchesReconciled: 1, looked: 1 });
  await pipeline.store.write("runs/broken/activity.json" as ObjectKey, "no JSON");
  await expect(reconcileOnSchedule(pipeline, log)).rejects.toThrow(
    /Expected to look at 2 batches but 1 failed: "broken"/,
  );
});

test("plans and closed runs are counted once, when they are created", async () => {
  const { log, lines } = withFolder();
  const store = meteredStore(new FolderStore(path.join(scratch, "metered")), log, 3.6);
  const key = "runs/b/0123456789abcdef/summary.json" as ObjectKey;
  const closed = {
    schemaVersion: 1,
    batch: "b",
    run: "0123456789abcdef",
    ordinal: 1,
    closedAt: "2026-01-01T00:00:00.000Z",
    counts: { planned: 5, succeeded: 3, failed: 1, skipped: 1 },
    skippedBy: {},
    dispatches: 1,
    seconds: 1000,
    notes: [],
  };
  await store.write(key, JSON.stringify(closed), { only: "create" });
  await expect(store.write(key, JSON.stringify(closed), { only: "create" })).rejects.toThrow();
  await store.write("results/b/summary.json" as ObjectKey, "{}");
  expect(lines).toEqual([
    expect.objectContaining({
      batch: "b",
      ImagesSucceeded: 3,
      ImagesFailed: 1,
      ImagesSkipped: 1,
      WorkerSeconds: 1000,
      EstimatedCostUsd: 1,
    }),
  ]);
  expect(await store.head(key)).toBeDefined();
});

test("a handler without the stack's variables says which", () => {
  expect(() => pipelineOnAws(1000, { CYTOLENS_BUCKET: "b" })).toThrow(
    /Expected the stack's variables but .*CYTOLENS_HINTS_QUEUE_URL/,
  );
});
