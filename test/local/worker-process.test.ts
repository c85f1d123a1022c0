import { fork, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { rollUpKey, summaryKey } from "../../lib/contract/object-keys";
import type { Plan } from "../../lib/contract/plan";
import { summary as summaryDocument } from "../../lib/contract/summary";
import { submissionEnvironment } from "../../lib/contract/worker-environment";
import { localPipeline } from "../../lib/local/local-pipeline";
import { collectBatch } from "../../lib/protocol/collect-batch";
import { requireDocument } from "../../lib/bucket/documents";
import { readRollUp } from "../../lib/bucket/outcomes";
import { planBatch } from "../../lib/protocol/plan-batch";
import type { JobQueue } from "../../lib/protocol/ports";
import { readPlans } from "../../lib/bucket/runs";
import { listAll } from "../../lib/storage/object-store";
import type { FolderStore } from "../../lib/storage/folder-store";
import { projectRoot } from "../reference";
import { batch, imageKey, smallBucket } from "./small-bucket";

type Bucket = Awaited<ReturnType<typeof smallBucket>>;
const cache = mkdtempSync(path.join(os.tmpdir(), "cytolens-cache-"));
const buckets: Bucket[] = [];
afterAll(async () => {
  rmSync(cache, { recursive: true, force: true });
  await Promise.all(buckets.map(({ remove }) => remove()));
});

/** A queue that takes jobs and leaves them to the test. */
const idleQueue: JobQueue = {
  submit: async () => ({ jobId: "the-test" }),
  findByName: async () => undefined,
  describe: async () => ({ jobId: "the-test", name: "", state: "succeeded" }),
};

async function plannedBucket(
  images: number,
  prepare?: (store: FolderStore) => Promise<void>,
): Promise<Bucket & { plan: Plan; pipeline: ReturnType<typeof localPipeline> & { queue: JobQueue } }> {
  const bucket = await smallBucket(images);
  buckets.push(bucket);
  await prepare?.(bucket.store);
  const pipeline = Object.assign(localPipeline({ folder: bucket.folder, workers: 1 }), {
    queue: idleQueue,
    publishers: [],
  }) as never as ReturnType<typeof localPipeline> & { queue: JobQueue };
  await planBatch(pipeline, batch, { by: "command", coversUntil: null });
  const [plan] = await readPlans(bucket.store, batch);
  return { ...bucket, plan: plan!, pipeline };
}

function startWorker(
  { folder, plan }: { folder: string; plan: Plan },
  attempt: number,
  changes: NodeJS.ProcessEnv = {},
): ChildProcess {
  return fork(path.join(projectRoot, "dist/containers/worker/main.js"), {
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    env: {
      ...process.env,
      ...submissionEnvironment({ batch, run: plan.run, number: 0, part: 0 }),
      CYTOLENS_BUCKET: pathToFileURL(folder).href,
      AWS_BATCH_JOB_ATTEMPT: String(attempt),
      CYTOLENS_THREADS: "1",
      CYTOLENS_CACHE: cache,
      ...changes,
    },
  });
}

const ended = (child: ChildProcess): Promise<{ code: number | null; signal: string | null; said: string }> =>
  new Promise((resolve) => {
    let said = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    child.on("close", (code, signal) => resolve({ code, signal, said }));
  });

const settled = (child: ChildProcess, count: number): Promise<void> =>
  new Promise((resolve, reject) => {
    let seen = 0;
    child.on("message", () => ++seen >= count && resolve());
    child.on("close", () => reject(new Error(`Expected ${count} settled items but the worker ended after ${seen}`)));
  });

const addBadImage = async (store: FolderStore): Promise<void> =>
  void (await store.write(imageKey("004x.png"), "not an image"));

/** Everything under results/, without the times. */
async function results(store: FolderStore): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  const fleeting = new Set(["createdAt", "timings", "attempts", "seconds", "machineSeconds"]);
  for await (const { key, etag } of listAll(store, "results/")) {
    const body = key.endsWith(".json")
      ? (JSON.parse(Buffer.from((await store.read(key)).body).toString()) as unknown)
      : etag;
    found[key] = JSON.parse(JSON.stringify(body, (name, inner: unknown) => (fleeting.has(name) ? undefined : inner)));
  }
  return found;
}

describe("a worker's process", () => {
  test("16: killed with SIGKILL in mid-shard and started again, it comes to the same final state", async () => {
    const images = 12;
    const calm = await plannedBucket(images, addBadImage);
    expect((await ended(startWorker(calm, 1))).code).toBe(0);
    await collectBatch(calm.pipeline, batch, calm.plan.run);

    const killed = await plannedBucket(images, addBadImage);
    const first = startWorker(killed, 1);
    const end = ended(first);
    await settled(first, 3);
    first.kill("SIGKILL");
    expect((await end).signal).toBe("SIGKILL");
    expect(await readRollUp(killed.store, rollUpKey(batch, killed.plan.run, 0, 0))).toBeUndefined();
    expect((await ended(startWorker(killed, 2))).code).toBe(0);
    await collectBatch(killed.pipeline, batch, killed.plan.run);

    const summary = await requireDocument(killed.store, summaryKey(batch), summaryDocument);
    expect(summary.counts).toEqual({ planned: images + 1, succeeded: images, failed: 1, skipped: 0 });
    expect(summary.failures).toMatchObject([{ key: imageKey("004x.png") }]);
    expect(await results(killed.store)).toEqual(await results(calm.store));
  }, 120_000);

  test("16: told to stop, it writes down what it has done and ends with 143; the next one goes on", async () => {
    const bucket = await plannedBucket(16);
    const first = startWorker(bucket, 1);
    const end = ended(first);
    await settled(first, 2);
    first.kill("SIGTERM");
    expect((await end).code).toBe(143);
    const flushed = (await readRollUp(bucket.store, rollUpKey(batch, bucket.plan.run, 0, 0)))!.outcomes.size;
    expect(flushed).toBeGreaterThanOrEqual(2);
    expect(flushed).toBeLessThan(16);
    expect((await ended(startWorker(bucket, 2))).code).toBe(0);
    expect((await readRollUp(bucket.store, rollUpKey(batch, bucket.plan.run, 0, 0)))!.outcomes.size).toBe(16);
  }, 120_000);

  test("21: CUDA asked for and missing fails loudly, with every image's reason", async () => {
    const bucket = await plannedBucket(2);
    const { code } = await ended(startWorker(bucket, 1, { CYTOLENS_PROVIDER: "cuda" }));
    expect(code).toBe(3);
    const outcomes = [...(await readRollUp(bucket.store, rollUpKey(batch, bucket.plan.run, 0, 0)))!.outcomes.values()];
    expect(outcomes).toMatchObject([
      { status: "failed", failure: { code: "provider.unavailable" } },
      { status: "failed", failure: { code: "provider.unavailable" } },
    ]);
  }, 60_000);

  test("an environment that names no task is refused in a sentence", async () => {
    const bucket = await plannedBucket(1);
    const { code, said } = await ended(startWorker(bucket, 1, { CYTOLENS_RUN: "not-a-run" }));
    expect(code).toBe(2);
    expect(JSON.parse(said)).toMatchObject({ code: "worker.environment", message: expect.stringContaining("run") });
  }, 60_000);
});
