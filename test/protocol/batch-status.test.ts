import { rmSync } from "node:fs";
import type { BatchName } from "../../lib/contract/names";
import { batchStatus } from "../../lib/protocol/batch-status";
import type { JobFacts } from "../../lib/protocol/ports";
import { statusText } from "../../lib/cli/status-command";
import { prepareShard, type PreparedShard } from "../container/shard-in-a-folder";

let shard: PreparedShard;
beforeAll(async () => {
  shard = await prepareShard("slides", 3, { methods: ["gradient"] });
});
afterAll(() => {
  for (const made of [shard.folder, `${shard.folder}-model`]) rmSync(made, { recursive: true, force: true });
});

const asked = (facts: Partial<JobFacts> | undefined): { describe: () => Promise<JobFacts | undefined> } => ({
  describe: async () => facts && { jobId: "container", name: "n", state: "waiting", ...facts },
});

test("a batch nobody uploaded is unknown; one that was uploaded is on its way", async () => {
  expect(await batchStatus(shard.store, "none" as BatchName)).toMatchObject({ stage: "unknown", runs: [] });
  await shard.store.write("incoming/fresh/a.png" as never, "x");
  expect(await batchStatus(shard.store, "fresh" as BatchName)).toMatchObject({ stage: "uploading" });
});

test("a plan whose job waits is planned, and running once the job runs", async () => {
  const waiting = await batchStatus(shard.store, shard.batch, asked({ state: "waiting" }));
  expect(waiting).toMatchObject({
    stage: "planned",
    runs: [{ ordinal: 1, items: 3, counts: { planned: 0 }, jobs: [{ queue: "spot", shards: 1, state: "waiting" }] }],
  });
  expect((await batchStatus(shard.store, shard.batch, asked({ state: "running" }))).stage).toBe("running");
});

test("a job's reason is told, and so is that the queue forgot it", async () => {
  const failed = await batchStatus(
    shard.store,
    shard.batch,
    asked({ state: "failed", reason: "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY" }),
  );
  expect(statusText(failed, "s3://lab")).toMatch(
    /job \w+-0-0 \(spot, 1 shard\): failed: CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY/,
  );
  const waits = await batchStatus(
    shard.store,
    shard.batch,
    asked({ state: "waiting", reason: "UNDETERMINED - Batch job is blocked, root cause is undetermined." }),
  );
  expect(waits.stage).toBe("planned");
  expect(statusText(waits, "s3://lab")).toMatch(
    /: waiting: UNDETERMINED - .*\n +AWS Batch does not know why.*L-3819A6DF/,
  );
  expect(statusText(await batchStatus(shard.store, shard.batch, asked(undefined)), "s3://lab")).toContain(
    "no longer known to the queue",
  );
  expect(statusText(await batchStatus(shard.store, shard.batch), "./bucket")).toContain(
    "3 images: 0 succeeded, 0 failed, 0 skipped, 3 to come",
  );
});
