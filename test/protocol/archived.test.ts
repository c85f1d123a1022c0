import { batchRunsPrefix, summaryKey } from "../../lib/contract/object-keys";
import { listAll } from "../../lib/storage/object-store";
import { reconcile } from "../../lib/protocol/reconcile";
import { batch, World } from "./world";

/** A batch that was finished, and looked at since, a year and more ago. */
async function longFinished(): Promise<World> {
  const world = await new World().prepare();
  for (let index = 0; index < 3; index++) await world.upload(`image ${index}.png`, `content ${index}`);
  await world.settle();
  await world.pass(7200);
  await reconcile(world.pipeline());
  await world.pass(400 * 24 * 3600);
  return world;
}

async function keysOf(world: World): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of listAll(world.store, batchRunsPrefix(batch))) keys.push(key);
  return keys;
}

const expire = (world: World, keys: readonly string[]): void => {
  for (const key of keys) world.store.held.delete(key);
};

describe("a batch of which the bucket's lifecycle has taken runs/", () => {
  test("stays as it is: nothing is planned, nothing started", async () => {
    const world = await longFinished();
    const jobs = world.queue.jobs.length;
    expire(world, await keysOf(world));
    expect(await reconcile(world.pipeline())).toMatchObject({ mended: [], failed: [] });
    await world.pass(3600);
    expect(world.ticks).toEqual([]);
    expect(world.queue.jobs).toHaveLength(jobs);
    expect(await keysOf(world)).toEqual([]);
  });

  test("whichever object goes first, and whichever is left last", async () => {
    const all = await keysOf(await longFinished());
    expect(all.length).toBeGreaterThan(5);
    for (const key of all) {
      for (const gone of [[key], all.filter((other) => other !== key)]) {
        const world = await longFinished();
        const jobs = world.queue.jobs.length;
        expire(world, gone);
        const { mended, failed } = await reconcile(world.pipeline());
        expect([key, gone.length, mended, failed]).toEqual([key, gone.length, [], []]);
        await world.pass(3600);
        expect([key, gone.length, world.queue.jobs.length]).toEqual([key, gone.length, jobs]);
      }
    }
  });

  test("an upload into it asks a person, and starts nothing", async () => {
    const world = await longFinished();
    expire(world, await keysOf(world));
    const before = world.notes.length;
    await world.upload("late.png", "late");
    await world.deliver();
    await world.pass(3600);
    await reconcile(world.pipeline());
    expect(world.notes.slice(before)).toEqual([
      { subject: "Batch batch is archived", message: expect.stringContaining("delete results/batch/summary.json") },
    ]);
    expect(await keysOf(world)).toEqual([]);
  });

  test("whose results have expired too is left alone all the same", async () => {
    const world = await longFinished();
    expire(world, [...(await keysOf(world)), summaryKey(batch)]);
    expect((await reconcile(world.pipeline())).mended).toEqual([]);
  });

  test("images of which no one was told are still found", async () => {
    const world = await new World().prepare();
    await world.upload("image.png", "content");
    world.events.length = 0;
    world.clock.advance(3 * 24 * 3600);
    expect((await reconcile(world.pipeline())).mended).toMatchObject([
      { what: expect.stringContaining("events were lost") },
    ]);
  });
});
