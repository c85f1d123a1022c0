import { EnvironmentError, TransientError } from "../../lib/contract/errors";
import {
  activityKey,
  closedMarkerKey,
  dispatchKey,
  draftPageKey,
  planKey,
  rejectionKey,
} from "../../lib/contract/object-keys";
import { sha256Of, workIdOf } from "../../lib/contract/digests";
import { readPage } from "../../lib/bucket/outcomes";
import { activity as activityDocument } from "../../lib/contract/planning";
import { requireDocument } from "../../lib/bucket/documents";
import { publishModel } from "../../lib/bucket/publish-model";
import { card } from "./fake-images";
import { handleTick } from "../../lib/protocol/handle-tick";
import { noteEvents } from "../../lib/protocol/note-uploads";
import { planBatch } from "../../lib/protocol/plan-batch";
import type { JobQueue } from "../../lib/protocol/ports";
import { reconcile } from "../../lib/protocol/reconcile";
import { readDispatches, readPlans } from "../../lib/bucket/runs";
import type { ObjectKey } from "../../lib/contract/names";
import { awkwardKeys } from "../storage/object-store.contract";
import { checkInvariant } from "./invariant";
import { Killed, Life } from "./mortal";
import { batch, imageKey, World } from "./world";

const byCommand = { by: "command", coversUntil: null } as const;
const worldWith = async (images: number): Promise<World> => {
  const world = await new World().prepare();
  for (let index = 0; index < images; index++) await world.upload(`image ${index}.png`, `content ${index}`);
  return world;
};

/** What the reconciler finds to mend while hours pass in which nothing happens. */
async function quietHours(world: World): Promise<unknown[]> {
  const mended: unknown[] = [];
  for (let hour = 0; hour < 6; hour++) {
    await world.pass(3700);
    mended.push(...(await reconcile(world.pipeline())).mended);
  }
  return mended;
}

/** Plans 3,500 images with planners that may list one page each, or all at once. */
async function planInSteps(deadlineEvery: number): Promise<{ run: string; items: number; itemsSha256: string }> {
  const world = await new World().prepare();
  world.itemsPerShard = 500;
  for (let index = 0; index < 3500; index++)
    await world.store.write(imageKey(`${String(index).padStart(5, "0")}.png`), `content ${index % 7}`);
  world.events.push(imageKey("00000.png"));
  await world.deliver();
  const limited = (): ReturnType<World["pipeline"]> => {
    const pipeline = world.pipeline();
    return deadlineEvery === 0
      ? pipeline
      : { ...pipeline, policy: { ...pipeline.policy, deadline: world.clock.now() } };
  };
  world.clock.advance(400);
  let rounds = 0;
  for (
    let state = (await planBatch(limited(), batch, { by: "idle", coversUntil: null })).state;
    state === "continues";
    rounds++
  ) {
    world.clock.advance(100);
    ({ state } = (await handleTick(limited(), batch)) as { state: "continues" });
  }
  expect(rounds).toBe(deadlineEvery === 0 ? 0 : 3);
  const [plan] = await readPlans(world.store, batch);
  return { run: plan!.run, items: plan!.items, itemsSha256: plan!.itemsSha256 };
}

describe("faults of events and planning (numbers as in docs/faults.md)", () => {
  test("1, 2: duplicate, reversed and delayed events make one run", async () => {
    const world = await worldWith(4);
    world.events.push(...world.events.toReversed(), ...world.events);
    await world.deliver(undefined, 3);
    await world.pass(1000);
    await world.deliver();
    await world.settle();
    expect(await readPlans(world.store, batch)).toHaveLength(1);
    await checkInvariant(world);
  });

  test("3: a batch whose every event was lost is found by the reconciler", async () => {
    const world = await worldWith(3);
    world.events.length = 0;
    await world.pass(3600);
    expect(await readPlans(world.store, batch)).toHaveLength(0);
    expect((await reconcile(world.pipeline())).mended).toEqual([
      { batch, what: expect.stringContaining("events were lost") },
    ]);
    await world.settle();
    expect((await world.summary()).counts.succeeded).toBe(3);
  });

  test("3: an image whose event was lost after its batch was closed is found too", async () => {
    const world = await worldWith(2);
    await world.settle();
    await world.upload("late.png", "late");
    world.events.length = 0;
    await world.settle();
    await world.pass(2 * 3600);
    await world.settle();
    expect((await world.summary()).counts.succeeded).toBe(3);
    await checkInvariant(world);
  });

  test("3: an image whose event was lost while its batch was worked on is found as the batch closes", async () => {
    const world = await worldWith(1);
    await world.deliver();
    await world.pass(700);
    await world.upload("a.png", "one");
    world.events.length = 0;
    await world.attempt(world.openJob()!, 0, { life: new Life(1) });
    await world.settle();
    expect(await readPlans(world.store, batch)).toMatchObject([{ items: 1 }, { items: 1, alreadyDone: 1 }]);
    expect((await world.summary()).counts.succeeded).toBe(2);
    await checkInvariant(world);
  });

  test("3: so is one that was deleted in mid-run, and came back after the batch was listed", async () => {
    const world = await worldWith(2);
    await world.deliver();
    await world.pass(700);
    await world.store.delete(imageKey("image 1.png"));
    await world.settle();
    await world.pass(1000);
    await world.upload("image 1.png", "content 1");
    world.events.length = 0;
    await world.pass(2 * 3600);
    await world.settle();
    expect((await world.summary()).counts).toEqual({ planned: 2, succeeded: 2, failed: 0, skipped: 0 });
    await checkInvariant(world);
  });

  test("3: so is one that came after the runs had ended, when the batch closes again", async () => {
    const world = await worldWith(1);
    await world.deliver();
    await world.pass(4000);
    await world.work();
    await world.upload("_READY", "");
    await world.deliver();
    await world.upload("a.png", "one");
    world.events.length = 0;
    await world.settle();
    expect((await world.summary()).counts.succeeded).toBe(2);
    await checkInvariant(world);
  });

  test("3: so are settings whose event was lost, once", async () => {
    const world = await worldWith(2);
    await world.deliver();
    await world.pass(700);
    await world.upload("batch.json", JSON.stringify({ methods: ["gradient"] }));
    world.events.length = 0;
    await world.settle();
    const methods = (await readPlans(world.store, batch)).map((plan) => plan.settings.methods.map(({ name }) => name));
    expect(methods).toEqual([["integrated-gradients", "grad-cam"], ["gradient"]]);
    await world.upload("batch.json", JSON.stringify({ methods: ["magic"] }));
    world.events.length = 0;
    await world.pass(2 * 3600);
    await world.settle();
    await reconcile(world.pipeline());
    expect((await world.summary()).rejection).toMatchObject({ code: "settings.invalid" });
    expect(await quietHours(world)).toEqual([]);
  });

  test("3: a batch too large to be compared as it closes is compared by the reconciler, an hour later", async () => {
    const world = await worldWith(101);
    world.store.mostPerPage = 10;
    world.itemsPerShard = 101;
    await world.deliver();
    await world.pass(700);
    await world.upload("late.png", "late");
    world.events.length = 0;
    const listed = world.store.lists;
    await world.work();
    expect(world.store.lists - listed).toBeLessThan(30);
    expect(await world.store.head(closedMarkerKey(batch))).toBeDefined();
    await world.pass(2 * 3600);
    expect(await readPlans(world.store, batch)).toHaveLength(1);
    expect((await reconcile(world.pipeline())).mended).toEqual([
      { batch, what: expect.stringContaining("holds what no run has") },
    ]);
    await world.settle();
    expect(await readPlans(world.store, batch)).toMatchObject([{ items: 101 }, { items: 1, alreadyDone: 101 }]);
  });

  test("3: an event lost a day after a batch closed is found within the hour, one lost much later when it is twice as old", async () => {
    const world = await worldWith(2);
    await world.settle();
    const hours = async (count: number): Promise<unknown[]> => {
      const mended: unknown[] = [];
      for (let hour = 0; hour < count; hour++) {
        await world.pass(3600);
        mended.push(...(await reconcile(world.pipeline())).mended);
      }
      return mended;
    };
    expect(await hours(24)).toEqual([]);
    await world.upload("a day.png", "late");
    world.events.length = 0;
    expect(await hours(2)).toEqual([{ batch, what: expect.stringContaining("holds what no run has") }]);
    await world.settle();
    expect((await world.summary()).counts.succeeded).toBe(3);

    expect(await hours(20 * 24)).toEqual([]);
    const list = jest.spyOn(world.store, "listPage");
    await world.upload("weeks.png", "later still");
    world.events.length = 0;
    expect(await hours(20 * 24)).not.toEqual([]);
    await world.settle();
    expect((await world.summary()).counts.succeeded).toBe(4);
    const ofBatch = list.mock.calls.filter(([prefix]) => prefix === `incoming/${batch}/`);
    // Hourly for two days after it was found and done; before and after that, hardly ever.
    expect(ofBatch.length).toBeLessThan(70);
    await checkInvariant(world);
  });

  test("3: a reconciler killed at any call while it compares leaves the comparison to the next", async () => {
    for (let calls = 1, isOver = true; isOver; calls++) {
      for (const lastTakesEffect of [true, false]) {
        const world = await worldWith(2);
        await world.settle();
        await world.upload("late.png", "late");
        world.events.length = 0;
        await world.pass(2 * 3600);
        const life = new Life(calls, lastTakesEffect);
        await reconcile(world.pipeline(life)).catch((error: unknown) => expect(error).toBeInstanceOf(Killed));
        await world.settle();
        expect((await world.summary()).counts.succeeded).toBe(3);
        isOver = life.isOver;
      }
      expect(calls).toBeLessThan(100);
    }
  }, 60_000);

  test("3: settings that were changed back do not look like a lost event, hour after hour", async () => {
    const world = await worldWith(2);
    await world.settle();
    for (const text of [JSON.stringify({ methods: ["gradient"] }), "{}"]) {
      await world.upload("batch.json", text);
      await world.settle();
    }
    expect(await quietHours(world)).toEqual([]);
  });

  test("3: a batch that is done is not done again for a name that has come to mean another model", async () => {
    const world = await worldWith(2);
    await world.settle();
    const another = { ...card, sha256: sha256Of("another model") };
    await publishModel(world.store, { bytes: Buffer.from("another model"), card: another }, ["default"]);
    expect(await quietHours(world)).toEqual([]);
  });

  test("3: nor for another version of the engine", async () => {
    const world = await worldWith(2);
    await world.settle();
    const [plan] = await readPlans(world.store, batch);
    const older = { ...plan!, engineVersion: "0.0.1" };
    const { settings, engineVersion, model } = older;
    const items = (await readPage(world.store, older, 0)).map((item) => ({
      ...item,
      work: workIdOf({ ...item, settings, engineVersion, modelSha256: model.sha256 }),
    }));
    await world.store.write(planKey(batch, older.run), JSON.stringify(older));
    await world.store.write(
      draftPageKey(batch, older.draft, 0),
      items.map((item) => `${JSON.stringify(item)}\n`).join(""),
    );
    expect(await quietHours(world)).toEqual([]);
    expect(await readPlans(world.store, batch)).toHaveLength(1);
  });

  test("4, 5: images overwritten and deleted in mid-run are skipped by name, and the new version has a run of its own", async () => {
    const world = await worldWith(3);
    await world.deliver();
    await world.pass(700);
    await world.upload("image 0.png", "another");
    await world.store.delete(imageKey("image 1.png"));
    await world.settle();
    const summary = await world.summary();
    expect(summary.counts).toEqual({ planned: 3, succeeded: 2, failed: 0, skipped: 1 });
    expect(summary.skippedBy).toEqual({ deleted: 1 });
    expect(summary.runs.map(({ counts }) => counts)).toEqual([
      { planned: 1, succeeded: 1, failed: 0, skipped: 0 },
      { planned: 3, succeeded: 1, failed: 0, skipped: 2 },
    ]);
    await checkInvariant(world);
  });

  test("7, 8: keys of every legal kind are planned, worked on and told apart", async () => {
    const world = await new World().prepare();
    world.itemsPerShard = 7;
    const names = awkwardKeys.filter(
      (key) => !key.endsWith("/") && !/(^|\/)\.[^/]*$/.test(key) && Buffer.byteLength(`incoming/batch/${key}`) <= 1024,
    );
    const hostile = ["../../etc/passwd", "up/../x.png", "nul\u0000.png", "x".repeat(1024 - "incoming/batch/".length)];
    for (const name of [...names, ...hostile]) await world.upload(name, `content of ${name}`);
    await world.settle();
    expect((await world.summary()).counts).toMatchObject({
      planned: names.length + hostile.length,
      failed: 0,
      skipped: 0,
    });
    await checkInvariant(world);
  });

  test("9: a batch that cannot be noted fails alone", async () => {
    const world = await worldWith(1);
    const store = new Proxy(world.store, {
      get: (target, name) =>
        name === "read"
          ? (key: ObjectKey) => {
              if (key === activityKey("poison" as never))
                throw new EnvironmentError("storage.damaged-document", "Expected JSON");
              return target.read(key);
            }
          : (Reflect.get(target, name) as unknown),
    });
    const failed = await noteEvents(world.pipeline(undefined, { store }), [
      { key: "incoming/poison/a.png" },
      { key: imageKey("image 0.png") },
    ]);
    expect(failed.map(({ event }) => event.key)).toEqual(["incoming/poison/a.png"]);
    await world.settle();
    expect((await world.summary()).counts.succeeded).toBe(1);
  });

  test("10: a planner killed at any call, with or without its effect, is made good", async () => {
    for (let calls = 1; ; calls++) {
      const worlds = await Promise.all(
        [true, false].map(async (lastTakesEffect) => {
          const world = await worldWith(3);
          await world.deliver();
          world.clock.advance(400);
          const life = new Life(calls, lastTakesEffect);
          await planBatch(world.pipeline(life), batch, byCommand).catch((error: unknown) =>
            expect(error).toBeInstanceOf(Killed),
          );
          const wasKilled = life.isOver;
          await world.settle();
          expect((await readPlans(world.store, batch)).length).toBe(1);
          expect(world.queue.jobs.length).toBeLessThanOrEqual(2);
          await checkInvariant(world);
          return wasKilled;
        }),
      );
      if (!worlds.includes(true)) break;
      expect(calls).toBeLessThan(200);
    }
  }, 60_000);

  test("11: a submission that is throttled is made again, one that arrived all the same is found by its name", async () => {
    const world = await worldWith(3);
    let calls = 0;
    const flaky: JobQueue = {
      findByName: (name, queue) => world.queue.findByName(name, queue),
      describe: (jobId) => world.queue.describe(jobId),
      submit: async (request) => {
        calls++;
        if (calls === 1)
          throw new TransientError("aws.unavailable", "Expected Batch to accept a job but it has too many requests");
        await world.queue.submit(request);
        throw new TransientError("aws.unavailable", "Expected an answer but the connection broke");
      },
    };
    await planBatch(world.pipeline(undefined, { queue: flaky }), batch, byCommand);
    const [dispatch] = await readDispatches(world.store, batch, (await readPlans(world.store, batch))[0]!.run);
    expect(calls).toBe(2);
    expect(world.queue.jobs).toHaveLength(1);
    expect(dispatch!.value.jobId).toBe("job-0");
  });

  test("11: a queue that refuses throughout leaves a claim, which the reconciler finishes", async () => {
    const world = await worldWith(3);
    const dead: JobQueue = {
      ...world.queue,
      findByName: async () => undefined,
      describe: async () => undefined,
      submit: async () => {
        throw new TransientError("aws.unavailable", "Expected Batch to accept a job but it has too many requests");
      },
    };
    await expect(planBatch(world.pipeline(undefined, { queue: dead }), batch, byCommand)).rejects.toBeInstanceOf(
      TransientError,
    );
    await world.settle();
    expect((await world.summary()).counts.succeeded).toBe(3);
  });

  test("12: one image is one shard, and no image none", async () => {
    const world = await worldWith(1);
    await world.settle();
    expect(world.queue.jobs.map(({ request }) => request.size)).toEqual([1]);
    expect((await world.summary()).counts.planned).toBe(1);
  });

  test("13: more than 10,000 shards are several arrays; settings of more than 30 KiB travel in the plan", async () => {
    const world = await new World().prepare();
    world.itemsPerShard = 1;
    const layer = "a".repeat(40_000);
    await world.store.write(imageKey("batch.json"), JSON.stringify({ methods: [{ name: "grad-cam", layer }] }));
    for (let index = 0; index < 10_001; index++)
      await world.store.write(imageKey(`${String(index).padStart(5, "0")}.png`), "x");
    await planBatch(world.pipeline(), batch, byCommand);
    const [plan] = await readPlans(world.store, batch);
    expect(plan!.settings.methods[0]).toMatchObject({ layer });
    expect(world.queue.jobs.map(({ request: { name, size } }) => ({ name, size }))).toEqual([
      { name: `${plan!.run}-0-0`, size: 10_000 },
      { name: `${plan!.run}-0-1`, size: 1 },
    ]);
    expect(JSON.stringify(world.queue.jobs.map(({ request }) => request)).length).toBeLessThan(1000);
    await world.attempt(world.queue.jobs[1]!, 0);
    expect(
      [...world.store.held.keys()].filter((key) => key.includes("/images/10000-") && key.endsWith("result.json")),
    ).toHaveLength(1);
  }, 60_000);

  test("14: an image that arrives after the batch closed has a run of its own, and what is done is not done again", async () => {
    const world = await worldWith(3);
    await world.settle();
    const before = world.store.contents.size;
    await world.upload("late.png", "late");
    await world.settle();
    expect(await readPlans(world.store, batch)).toMatchObject([
      { ordinal: 1, items: 3 },
      { ordinal: 2, items: 1, alreadyDone: 3 },
    ]);
    expect((await world.summary()).counts).toEqual({ planned: 4, succeeded: 4, failed: 0, skipped: 0 });
    expect(world.store.contents.size - before).toBeGreaterThan(0);
  });

  test("settings changed in the middle of a run make a new run, announced as one", async () => {
    const world = await worldWith(3);
    await world.deliver();
    await world.pass(700);
    await world.upload("batch.json", JSON.stringify({ methods: ["gradient"] }));
    await world.settle();
    const plans = await readPlans(world.store, batch);
    expect(plans.map(({ items, settings }) => ({ items, methods: settings.methods.map(({ name }) => name) }))).toEqual([
      { items: 3, methods: ["integrated-gradients", "grad-cam"] },
      { items: 3, methods: ["gradient"] },
    ]);
    expect(world.notes).toContainEqual({
      subject: `Batch batch: run ${plans[1]!.run}`,
      message: expect.stringContaining("The settings changed"),
    });
    await checkInvariant(world);
  });

  test("settings that are changed back show what is there under them: a run that finds it done", async () => {
    const world = await worldWith(3);
    await world.settle();
    for (const text of [JSON.stringify({ methods: ["gradient"] }), "{}"]) {
      await world.upload("batch.json", text);
      await world.settle();
    }
    const summary = await world.summary();
    expect(summary.settings.methods.map(({ name }) => name)).toEqual(["integrated-gradients", "grad-cam"]);
    expect(summary.counts).toEqual({ planned: 3, succeeded: 3, failed: 0, skipped: 0 });
    expect(summary.runs.map(({ counts }) => counts)).toEqual([
      { planned: 3, succeeded: 0, failed: 0, skipped: 3 },
      { planned: 3, succeeded: 3, failed: 0, skipped: 0 },
      { planned: 3, succeeded: 3, failed: 0, skipped: 0 },
    ]);
    await checkInvariant(world);
  });

  test.each([
    ["changes", (world: World) => world.upload("image 0.png", "a third")],
    ["goes", (world: World) => world.store.delete(imageKey("image 0.png"))],
  ])(
    "4, 5: an image that %s during its run, and comes back as it was done before, is shown so",
    async (_how, happen) => {
      const world = await worldWith(1);
      await world.settle();
      await world.upload("image 0.png", "another");
      await world.deliver();
      await world.pass(700);
      await happen(world);
      await world.attempt(world.openJob()!, 0);
      await world.upload("image 0.png", "content 0");
      await world.settle();
      expect((await world.summary()).counts).toEqual({ planned: 1, succeeded: 1, failed: 0, skipped: 0 });
      await checkInvariant(world);
    },
  );

  test("a deploy in the middle of a run changes nothing of it", async () => {
    const world = await worldWith(3);
    await planBatch(world.pipeline(), batch, byCommand);
    const later = world.pipeline();
    await planBatch({ ...later, policy: { ...later.policy, jobDefinition: "worker:2" } }, batch, byCommand);
    expect(world.queue.jobs.map(({ request }) => request.jobDefinition)).toEqual(["worker:1"]);
    const [plan] = await readPlans(world.store, batch);
    await world.store.delete(dispatchKey(batch, plan!.run, 0, 0));
    world.queue.jobs.length = 0;
    await planBatch({ ...later, policy: { ...later.policy, jobDefinition: "worker:2" } }, batch, byCommand);
    expect(world.queue.jobs.map(({ request }) => request.jobDefinition)).toEqual(["worker:1"]);
  });

  test("a listing longer than the planner's time goes on in another, and comes to the same run", async () => {
    const [whole, inParts] = [await planInSteps(0), await planInSteps(1)];
    expect(whole.items).toBe(3500);
    expect(inParts).toEqual(whole);
  }, 60_000);

  test("a planner that lost a race lists again, and what it leaves unfinished is gone on with", async () => {
    const world = await new World().prepare();
    const upload = async (first: number, count: number): Promise<void> => {
      for (let index = first; index < first + count; index++)
        await world.store.write(imageKey(`${String(index).padStart(5, "0")}.png`), "x");
    };
    world.store.mostPerPage = 10;
    await upload(0, 9);
    world.events.push(imageKey("00000.png"));
    await world.deliver();
    let isFirst = true;
    const store = new Proxy(world.store, {
      get: (target, name) =>
        name === "read"
          ? async (key: ObjectKey) => {
              if (key === rejectionKey(batch) && isFirst) {
                isFirst = false;
                await planBatch(world.pipeline(), batch, byCommand);
                await upload(9, 2);
              }
              return target.read(key);
            }
          : (Reflect.get(target, name) as unknown),
    });
    const { policy } = world.pipeline();
    const late = world.pipeline(undefined, { store, policy: { ...policy, deadline: world.clock.now() } });
    expect(await planBatch(late, batch, byCommand)).toEqual({ state: "continues" });
    expect((await requireDocument(world.store, activityKey(batch), activityDocument)).drafting).not.toBeNull();
    await world.settle();
    expect(await readPlans(world.store, batch)).toMatchObject([{ items: 9 }, { items: 2 }]);
  });

  test("100,000 uploads over 40 minutes with a short idle window are one run, and few listings", async () => {
    const world = await new World().prepare();
    world.idleSeconds = 60;
    world.itemsPerShard = 1000;
    const total = 100_000;
    const groups = 480;
    for (let group = 0; group < groups; group++) {
      const from = Math.floor((group * total) / groups);
      const to = Math.floor(((group + 1) * total) / groups);
      for (let index = from; index < to; index++) {
        const key = imageKey(`${String(index).padStart(6, "0")}.png`);
        world.store.held.set(key, { body: Buffer.alloc(0), etag: `etag${index}`, lastModified: world.clock.now() });
        if (index % 50 === 0) world.events.push(key);
      }
      await world.deliver();
      await world.pass(5);
    }
    expect(await readPlans(world.store, batch)).toHaveLength(0);
    await world.pass(300);
    const plans = await readPlans(world.store, batch);
    expect(plans).toMatchObject([{ items: total }]);
    await world.pass(3600);
    expect(await readPlans(world.store, batch)).toHaveLength(1);
    expect(world.store.lists).toBeLessThanOrEqual(20 * (total / 1000));
  }, 120_000);
});
