import { readPlans, readRunSummary } from "../../lib/bucket/runs";
import { dispatchKey } from "../../lib/contract/object-keys";
import type { Plan } from "../../lib/contract/plan";
import { collectBatch } from "../../lib/protocol/collect-batch";
import { planBatch } from "../../lib/protocol/plan-batch";
import { supersedeRuns } from "../../lib/protocol/supersede-runs";
import { checkInvariant } from "./invariant";
import { batch, imageKey, World } from "./world";

const others = JSON.stringify({ methods: ["gradient"] });

/** A batch of four images in two shards, the first of which is worked on, and settings that were changed then. */
async function interrupted(): Promise<{ world: World; plan: Plan }> {
  const world = await new World().prepare();
  for (let index = 0; index < 4; index++) await world.store.write(imageKey(`image ${index}.png`), `content ${index}`);
  await plan(world);
  await world.attempt(world.openJob()!, 0);
  await world.store.write(imageKey("batch.json"), others);
  return { world, plan: (await readPlans(world.store, batch))[0]! };
}

const plan = (world: World): ReturnType<typeof planBatch> =>
  planBatch(world.pipeline(), batch, { by: "command", coversUntil: null });

/** The process with the queue is gone. */
const forgetJobs = (world: World): void => void world.queue.jobs.splice(0);

test("an unfinished run of other settings ends as superseded, and what it did stays counted", async () => {
  const { world, plan: first } = await interrupted();
  forgetJobs(world);
  expect(await supersedeRuns(world.pipeline(), batch)).toEqual(new Set());
  expect((await readRunSummary(world.store, batch, first.run))!.counts).toEqual({
    planned: 4,
    succeeded: 2,
    failed: 0,
    skipped: 2,
  });
  await plan(world);
  await world.work();
  expect(world.queue.jobs).toHaveLength(1);
  expect((await world.summary()).counts).toEqual({ planned: 4, succeeded: 4, failed: 0, skipped: 0 });
  await checkInvariant(world);
});

test("back at the first settings, what was done is not done again", async () => {
  const { world } = await interrupted();
  forgetJobs(world);
  await supersedeRuns(world.pipeline(), batch);
  await plan(world);
  await world.store.delete(imageKey("batch.json"));
  forgetJobs(world);
  expect(await supersedeRuns(world.pipeline(), batch)).toEqual(new Set());
  await plan(world);
  await world.work();
  expect(await readPlans(world.store, batch)).toMatchObject([{ items: 4 }, { items: 4 }, { items: 4 }]);
  expect((await world.summary()).runs.map(({ counts }) => counts.skipped)).toEqual([2, 4, 2]);
  expect((await world.summary()).counts).toEqual({ planned: 4, succeeded: 4, failed: 0, skipped: 0 });
  await checkInvariant(world);
});

test("what a living process works on is left to it", async () => {
  const { world, plan: first } = await interrupted();
  expect(await supersedeRuns(world.pipeline(), batch)).toEqual(new Set([first.run]));
  expect(await readRunSummary(world.store, batch, first.run)).toBeUndefined();
});

test("a run of the same settings is left as it is, and is in the queue", async () => {
  const { world, plan: first } = await interrupted();
  await world.store.delete(imageKey("batch.json"));
  await world.store.delete(dispatchKey(batch, first.run, 0, 0));
  forgetJobs(world);
  expect(await supersedeRuns(world.pipeline(), batch)).toEqual(new Set());
  expect(await readRunSummary(world.store, batch, first.run)).toBeUndefined();
  await world.work();
  expect(await collectBatch(world.pipeline(), batch, first.run)).toMatchObject({ state: "already-collected" });
  expect((await world.summary()).counts.succeeded).toBe(4);
});

test("settings that cannot be used supersede nothing", async () => {
  const { world, plan: first } = await interrupted();
  forgetJobs(world);
  await world.store.write(imageKey("batch.json"), JSON.stringify({ methods: ["magic"] }));
  expect(await supersedeRuns(world.pipeline(), batch)).toEqual(new Set());
  expect(await readRunSummary(world.store, batch, first.run)).toBeUndefined();
  expect(await plan(world)).toMatchObject({ state: "rejected" });
});
