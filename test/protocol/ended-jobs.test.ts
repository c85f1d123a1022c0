import { readRunSummary } from "../../lib/bucket/runs";
import { collectBatch } from "../../lib/protocol/collect-batch";
import { reconcile } from "../../lib/protocol/reconcile";
import { batch, World } from "./world";

/** A batch of four images in two shards, whose first shard is done. */
async function halfDone(): Promise<World> {
  const world = await new World().prepare();
  for (let index = 0; index < 4; index++) await world.upload(`image ${index}.png`, `content ${index}`);
  await world.deliver();
  await world.pass(400);
  await world.attempt(world.queue.jobs[0]!, 0);
  return world;
}

describe("what another machine would not do better", () => {
  test("a job that a person stopped stays stopped: what it left is cancelled, and no machine is started for it", async () => {
    const world = await halfDone();
    const [job] = world.queue.jobs;
    world.endJob(job!, "wrong images", "stopped");
    expect(await collectBatch(world.pipeline(), batch, job!.request.run)).toMatchObject({ state: "collected" });
    expect(world.queue.jobs).toHaveLength(1);
    expect(await world.summary()).toMatchObject({
      status: "complete",
      counts: { planned: 4, succeeded: 2, failed: 0, skipped: 2 },
      skippedBy: { cancelled: 2 },
      attempts: { notes: ["wrong images"] },
    });
  });

  test("and nobody starts it again later", async () => {
    const world = await halfDone();
    const [job] = world.queue.jobs;
    world.endJob(job!, "wrong images", "stopped");
    await world.settle();
    world.clock.advance(48 * 3600);
    await reconcile(world.pipeline());
    await world.settle();
    expect(world.queue.jobs).toHaveLength(1);
  });

  test.each([
    "Essential container in task exited; exit code 2",
    "Task failed to start; CannotPullContainerError: no such image",
    "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
  ])("%s is not paid for twice", async (reason) => {
    const world = await halfDone();
    const [job] = world.queue.jobs;
    world.endJob(job!, reason, "hopeless");
    await collectBatch(world.pipeline(), batch, job!.request.run);
    expect(world.queue.jobs).toHaveLength(1);
    expect(await world.summary()).toMatchObject({
      counts: { planned: 4, succeeded: 2, failed: 2, skipped: 0 },
      failures: [
        { failure: { code: "worker.unfinished", message: expect.stringContaining(reason) } },
        { failure: { code: "worker.unfinished" } },
      ],
    });
  });

  test("a reclaimed machine is another matter: once more, on demand", async () => {
    const world = await halfDone();
    const [job] = world.queue.jobs;
    world.endJob(job!, "Host EC2 (instance i-0) terminated.");
    expect(await collectBatch(world.pipeline(), batch, job!.request.run)).toEqual({
      state: "dispatched-again",
      shards: 1,
    });
    expect(world.queue.jobs[1]?.request.dispatch.queue).toBe("on-demand");
    await world.work();
    expect((await readRunSummary(world.store, batch, job!.request.run))?.counts.succeeded).toBe(4);
  });

  test("a second try that a person stops ends the run", async () => {
    const world = await halfDone();
    const [job] = world.queue.jobs;
    world.endJob(job!, "Host EC2 (instance i-0) terminated.");
    await collectBatch(world.pipeline(), batch, job!.request.run);
    world.endJob(world.queue.jobs[1]!, "enough", "stopped");
    await collectBatch(world.pipeline(), batch, job!.request.run);
    expect(world.queue.jobs).toHaveLength(2);
    expect((await world.summary()).skippedBy).toEqual({ cancelled: 2 });
  });
});
