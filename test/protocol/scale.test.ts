import { readPlans } from "../../lib/bucket/runs";
import { writeRollUp } from "../../lib/bucket/outcomes";
import type { BatchName, ObjectKey, WorkId } from "../../lib/contract/names";
import { activityKey, closedMarkerKey, incomingBatchPrefix, rollUpKey } from "../../lib/contract/object-keys";
import type { Outcome } from "../../lib/contract/outcome";
import { collectBatch } from "../../lib/protocol/collect-batch";
import type { Pipeline } from "../../lib/protocol/ports";
import { reconcile, type ReconcileReport } from "../../lib/protocol/reconcile";
import { shardItems } from "../../lib/bucket/outcomes";
import { MemoryStore } from "./memory-store";
import { slowStore, WaitingClock } from "./slow-store";
import { batch, World } from "./world";

/** What a GET or a LIST of S3 takes, rather more than less. */
const latency = 80;
const lambdaSeconds = 15 * 60;
const lost = "lost" as BatchName;

/** A bucket of many batches that were closed long ago, and one whose events were lost. */
async function oldBucket(batches: number): Promise<{ bucket: MemoryStore; clock: WaitingClock }> {
  const clock = new WaitingClock();
  const bucket = new MemoryStore(clock.now);
  for (let number = 0; number < batches; number++) {
    const name = `batch ${String(number).padStart(6, "0")}` as BatchName;
    await bucket.write(`${incomingBatchPrefix(name)}image.png` as ObjectKey, "x");
    const closed = {
      schemaVersion: 1,
      batch: name,
      closedAt: "2026-01-01T00:00:00.000Z",
      lastEventAt: null,
      verified: true,
    };
    await bucket.write(closedMarkerKey(name), JSON.stringify(closed));
  }
  await bucket.write(`${incomingBatchPrefix(lost)}image.png` as ObjectKey, "x");
  return { bucket, clock };
}

interface Round {
  readonly report: ReconcileReport;
  readonly seconds: number;
  readonly calls: Record<string, number>;
}

async function roundOf(bucket: MemoryStore, clock: WaitingClock, seconds: number): Promise<Round> {
  const { store, calls } = slowStore(bucket, clock, latency);
  const began = clock.now().getTime();
  const world = new World();
  const pipeline: Pipeline = {
    ...world.pipeline(),
    store,
    clock,
    policy: { ...world.pipeline().policy, deadline: new Date(began + seconds * 1000) },
  };
  const report = await reconcile(pipeline);
  return { report, calls, seconds: (clock.now().getTime() - began) / 1000 };
}

describe("10,000 closed batches", () => {
  test("are looked at within one Lambda's time, the lost one among them; later rounds ask for little", async () => {
    const { bucket, clock } = await oldBucket(10_000);
    const first = await roundOf(bucket, clock, lambdaSeconds);
    expect(first.report).toMatchObject({ looked: 10_001, left: 0, failed: [], mended: [{ batch: "lost" }] });
    expect(first.seconds).toBeLessThan(lambdaSeconds / 5);
    const second = await roundOf(bucket, clock, lambdaSeconds);
    expect(second.report).toMatchObject({ left: 0, failed: [] });
    expect(second.report.looked).toBeLessThan(300);
    expect(second.calls["listPage"]).toBeLessThan(300);
    // In turn: those of the next round are others.
    await bucket.delete(closedMarkerKey("batch 000450" as BatchName));
    const found = [await roundOf(bucket, clock, lambdaSeconds), await roundOf(bucket, clock, lambdaSeconds)];
    expect(found.flatMap(({ report }) => report.mended.map(({ batch: name }) => name))).toContain("batch 000450");
  }, 60_000);

  test("where the time is too short, the next round begins where this one ended", async () => {
    const { bucket, clock } = await oldBucket(10_000);
    let looked = 0;
    for (let round = 0; round < 8; round++) {
      const { report, seconds } = await roundOf(bucket, clock, 10);
      expect(seconds).toBeLessThan(12);
      looked += report.looked;
      if (await bucket.head(activityKey(lost))) break;
    }
    expect(looked).toBeGreaterThan(9_000);
    expect(await bucket.head(activityKey(lost))).toBeDefined();
  }, 60_000);
});

test("a run of 10,000 shards is collected within one Lambda's time", async () => {
  const world = await new World().prepare();
  world.itemsPerShard = 1;
  for (let number = 0; number < 10_000; number++) await world.upload(`${number}.png`, "x");
  await world.deliver();
  await world.pass(400);
  const [plan] = await readPlans(world.store, batch);
  expect(plan?.shards).toBe(10_000);
  for (let shard = 0; shard < 9_900; shard++) {
    const work = `${shard.toString(16).padStart(64, "0")}` as WorkId;
    const outcome: Outcome = {
      status: "failed",
      work,
      key: `incoming/batch/${shard}.png` as ObjectKey,
      finishedAt: "2026-11-23T12:00:00.000Z",
      seconds: 1,
      failure: { code: "image.truncated", message: "m" },
    };
    await writeRollUp(world.pipeline(), rollUpKey(batch, plan!.run, 0, shard), new Map([[work, outcome]]), undefined);
  }
  expect(await shardItems(world.store, plan!, 9_999)).toHaveLength(1);
  // Hopeless, so that the last hundred are given up.
  world.endJob(world.queue.jobs[0]!, "Essential container in task exited; exit code 2", "hopeless");
  const clock = new WaitingClock();
  const { store } = slowStore(world.store, clock, latency);
  const began = clock.now().getTime();
  expect(await collectBatch({ ...world.pipeline(), store, clock }, batch, plan!.run)).toMatchObject({
    state: "collected",
    summary: { counts: { planned: 10_000, failed: 10_000 } },
  });
  expect((clock.now().getTime() - began) / 1000).toBeLessThan(lambdaSeconds / 2);
}, 120_000);
