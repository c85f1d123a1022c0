import { Readable } from "node:stream";
import { closedMarkerKey, csvKey } from "../../lib/contract/object-keys";
import { collectBatch } from "../../lib/protocol/collect-batch";
import type { BatchView } from "../../lib/protocol/ports";
import { handleTick } from "../../lib/protocol/handle-tick";
import { planBatch } from "../../lib/protocol/plan-batch";
import { readPlans } from "../../lib/bucket/runs";
import { checkInvariant } from "./invariant";
import { batch, imageKey, World } from "./world";

describe("a batch's journey", () => {
  test("from upload to summary", async () => {
    const world = await new World().prepare();
    for (let index = 0; index < 5; index++) await world.upload(`image ${index}.png`, `content ${index}`);
    await world.upload("broken.png", "bad content");
    await world.deliver();
    expect(await readPlans(world.store, batch)).toHaveLength(0);
    await world.pass(400);
    const [plan] = await readPlans(world.store, batch);
    expect(plan).toMatchObject({ items: 6, shards: 3, ordinal: 1, closedBy: "idle", alreadyDone: 0 });
    expect(world.queue.jobs.map(({ request }) => request)).toEqual([
      expect.objectContaining({ name: `${plan!.run}-0-0`, size: 3, jobDefinition: "worker:1" }),
    ]);
    await world.work();
    const summary = await world.summary();
    expect(summary).toMatchObject({
      status: "complete-with-failures",
      counts: { planned: 6, succeeded: 5, failed: 1, skipped: 0 },
      run: plan!.run,
    });
    expect(summary.failures).toEqual([
      { key: imageKey("broken.png"), failure: expect.objectContaining({ code: "image.truncated" }) },
    ]);
    expect(await world.store.head(closedMarkerKey(batch))).toBeDefined();
    expect(world.notes.map(({ subject }) => subject)).toEqual(["Batch batch is done"]);
    await checkInvariant(world);
  });

  test("is not begun while files still arrive, or an upload is open", async () => {
    const world = await new World().prepare();
    for (let index = 0; index < 6; index++) {
      await world.upload(`image ${index}.png`, `content ${index}`);
      await world.deliver();
      await world.pass(200);
    }
    expect(await readPlans(world.store, batch)).toHaveLength(0);
    world.store.uploads = [{ key: imageKey("slide.tif"), initiated: world.clock.now() }];
    await world.pass(2000);
    expect(await readPlans(world.store, batch)).toHaveLength(0);
    world.store.uploads = [];
    await world.pass(400);
    expect(await readPlans(world.store, batch)).toMatchObject([{ items: 6 }]);
  });

  test("a window longer than a message can be delayed is made of several", async () => {
    const world = await new World().prepare();
    world.idleSeconds = 3600;
    await world.upload("a.png", "a");
    await world.deliver();
    expect(Math.max(...world.ticks.map(({ dueAt }) => dueAt)) - world.clock.now().getTime()).toBeLessThanOrEqual(
      900_000,
    );
    await world.pass(3500);
    expect(await readPlans(world.store, batch)).toHaveLength(0);
    await world.pass(200);
    expect(await readPlans(world.store, batch)).toHaveLength(1);
  });

  test("_READY closes at once what is no newer than itself", async () => {
    const world = await new World().prepare();
    await world.upload("a.png", "a");
    world.clock.advance(10);
    await world.upload("_READY", "");
    world.clock.advance(10);
    await world.upload("late.png", "late");
    await world.deliver();
    expect(await readPlans(world.store, batch)).toMatchObject([
      { items: 1, closedBy: "ready-marker", notes: [expect.stringContaining("1 images are newer")] },
    ]);
    await world.settle();
    expect(await readPlans(world.store, batch)).toMatchObject([
      { items: 1 },
      { items: 1, alreadyDone: 1, closedBy: "idle" },
    ]);
    expect((await world.summary()).counts).toEqual({ planned: 2, succeeded: 2, failed: 0, skipped: 0 });
    await checkInvariant(world);
  });

  test("batch.json, the marker, folder markers and what file managers leave are no images", async () => {
    const world = await new World().prepare();
    for (const name of ["batch.json", "_READY", "folder/", ".DS_Store", "folder/._a.png", "Thumbs.db", "folder/a.png"])
      await world.upload(name, name === "batch.json" ? "{}" : "x");
    await world.settle();
    expect((await world.summary()).counts.planned).toBe(1);
  });

  test("files outside a batch get a notice, and our own outputs are no events", async () => {
    const world = await new World().prepare();
    world.events.push(
      "incoming/stray.png" as never,
      "results/batch/report.html" as never,
      "runs/batch/activity.json" as never,
      "incoming/folder/" as never,
    );
    await world.deliver();
    expect(world.notes).toEqual([
      { subject: "Files outside a batch", message: expect.stringContaining('"incoming/stray.png"') },
    ]);
    expect(world.ticks).toHaveLength(0);
    expect([...world.store.held.keys()].filter((key) => key.startsWith("runs/"))).toEqual([]);
  });

  test("no images: nothing is dispatched, and people are told so", async () => {
    const world = await new World().prepare();
    await world.upload("_READY", "");
    await world.deliver();
    expect(world.queue.jobs).toHaveLength(0);
    expect((await world.summary()).counts).toEqual({ planned: 0, succeeded: 0, failed: 0, skipped: 0 });
  });

  test("labels come from folders, and the summary compares", async () => {
    const world = await new World().prepare();
    await world.upload("batch.json", JSON.stringify({ labels: "folders" }));
    await world.upload("low/a.png", "\u0002");
    await world.upload("high/b.png", "\u0001");
    await world.upload("high/c.png", "\u0002");
    await world.upload("d.png", "\u0001");
    await world.settle();
    expect((await world.summary()).agreement).toEqual({
      classes: ["low", "high"],
      matrix: [
        [1, 0],
        [1, 1],
      ],
      accuracy: 2 / 3,
    });
  });

  test("a batch planned by command needs no events, and a second time there is nothing new", async () => {
    const world = await new World().prepare();
    await world.store.write(imageKey("a.png"), "a");
    const pipeline = world.pipeline();
    expect(await planBatch(pipeline, batch, { by: "command", coversUntil: null })).toMatchObject({ state: "planned" });
    expect(await planBatch(pipeline, batch, { by: "command", coversUntil: null })).toMatchObject({
      state: "already-planned",
    });
    await world.work();
    expect(await planBatch(pipeline, batch, { by: "command", coversUntil: null })).toMatchObject({
      state: "already-planned",
    });
    expect(world.queue.jobs).toHaveLength(1);
    expect(await handleTick(pipeline, batch)).toEqual({ state: "nothing" });
  });

  test("an unknown model, or settings that are none, fail the batch at once with a sentence", async () => {
    const world = await new World().prepare();
    await world.upload("batch.json", JSON.stringify({ model: "no-such-model" }));
    await world.deliver();
    const rejected = await world.summary();
    expect(rejected).toMatchObject({
      status: "rejected",
      rejection: { code: "model.unknown", message: expect.stringContaining('"no-such-model"') },
      run: null,
    });
    await world.upload("a.png", "a");
    await world.settle();
    expect(world.queue.jobs).toHaveLength(0);
    expect((await world.summary()).status).toBe("rejected");

    await world.upload("batch.json", JSON.stringify({ tileSize: "big", method: [] }));
    await world.deliver();
    expect((await world.summary()).rejection!.message).toMatch(/tileSize.*\(received "big"\)/);

    await world.upload("batch.json", "{}");
    await world.settle();
    expect(await world.summary()).toMatchObject({ status: "complete", counts: { planned: 1, succeeded: 1 } });
    await checkInvariant(world);
  });

  test("files for people are written by the publishers it is given", async () => {
    const world = await new World().prepare();
    await world.upload("a.png", "a");
    await world.upload("b.png", "b");
    const csv = {
      key: csvKey,
      contentType: "text/csv",
      write: (view: BatchView) =>
        Readable.from(
          (async function* () {
            for await (const { outcome } of view.rows()) yield `${outcome.key},${outcome.status}\n`;
          })(),
        ),
    };
    const pipeline = world.pipeline(undefined, { publishers: [csv] });
    await planBatch(pipeline, batch, { by: "command", coversUntil: null });
    await world.attempt(world.queue.jobs[0]!, 0);
    await collectBatch(pipeline, batch, world.queue.jobs[0]!.request.run);
    expect(Buffer.from((await world.store.read(csvKey(batch))).body).toString()).toBe(
      "incoming/batch/a.png,succeeded\nincoming/batch/b.png,succeeded\n",
    );
  });
});
