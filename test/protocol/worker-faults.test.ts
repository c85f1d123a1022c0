import { EnvironmentError, ImageError, ModelError, TransientError } from "../../lib/contract/errors";
import { modelKey, resultKey, rollUpKey } from "../../lib/contract/object-keys";
import type { ObjectKey } from "../../lib/contract/names";
import type { Outcome } from "../../lib/contract/outcome";
import type { Plan } from "../../lib/contract/plan";
import { result as resultDocument, type Result } from "../../lib/contract/result";
import { collectBatch } from "../../lib/protocol/collect-batch";
import { requireDocument } from "../../lib/bucket/documents";
import type { OpenImageWork } from "../../lib/protocol/shard/image-work";
import { readRollUp, shardItems } from "../../lib/bucket/outcomes";
import { planBatch } from "../../lib/protocol/plan-batch";
import { readDispatches, readPlans } from "../../lib/bucket/runs";
import { runShard } from "../../lib/protocol/shard/run-shard";
import { PreconditionFailedError, type ObjectStore } from "../../lib/storage/object-store";
import { card, fakeImages } from "./fake-images";
import { checkInvariant } from "./invariant";
import { Life } from "./mortal";
import { batch, imageKey, World } from "./world";

interface Planned {
  readonly world: World;
  readonly plan: Plan;
}

const planned = async (contents: readonly string[], itemsPerShard = 100): Promise<Planned> => {
  const world = await new World().prepare();
  world.itemsPerShard = itemsPerShard;
  for (const [index, content] of contents.entries()) await world.store.write(imageKey(`image ${index}.png`), content);
  await planBatch(world.pipeline(), batch, { by: "command", coversUntil: null });
  const [plan] = await readPlans(world.store, batch);
  return { world, plan: plan! };
};

const outcomesOf = async ({ world, plan }: Planned, shard = 0, number = 0): Promise<Outcome[]> => [
  ...((await readRollUp(world.store, rollUpKey(batch, plan.run, number, shard)))?.outcomes.values() ?? []),
];
const statuses = async (planning: Planned, shard = 0): Promise<string[]> =>
  (await outcomesOf(planning, shard)).map((one) =>
    one.status === "failed" ? one.failure.code : one.status === "skipped" ? one.reason : one.status,
  );
const task = ({ plan }: Planned, attempt = 1) => ({ batch, run: plan.run, number: 0, part: 0, index: 0, attempt });
const running = (world: World, store: ObjectStore, open: OpenImageWork = fakeImages()) => ({
  store,
  clock: world.clock,
  open,
  stop: new AbortController().signal,
});

/** A store of which one method does something else, now and then. */
const withFault = <Name extends "read" | "write">(
  store: ObjectStore,
  name: Name,
  fault: (key: ObjectKey) => void,
): ObjectStore =>
  new Proxy(store, {
    get: (target, asked) =>
      asked === name
        ? (key: ObjectKey, ...more: unknown[]) => {
            fault(key);
            return Reflect.apply(Reflect.get(target, name) as (...words: unknown[]) => unknown, target, [key, ...more]);
          }
        : (Reflect.get(target, asked) as unknown),
  });

const unusableModel: OpenImageWork = () =>
  Promise.reject(new ModelError("model.not-onnx", "Expected an ONNX file but received something else"));
const fleeting = ["finishedAt", "seconds", "machineSeconds", "createdAt", "timings", "attempts", "closedAt"];
const timeless = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (name, inner: unknown) => (fleeting.includes(name) ? undefined : inner)));

/** What a run leaves behind, without the times at which it did so. */
function finalState(world: World): Record<string, unknown> {
  const kept = [...world.store.held].filter(([key]) => key.startsWith("results/") || /\/shards\//.test(key));
  return Object.fromEntries(
    kept.map(([key, { body }]) => [
      key,
      key.endsWith(".jsonl")
        ? body
            .toString()
            .trim()
            .split("\n")
            .map((line) => timeless(JSON.parse(line)))
        : key.endsWith(".json")
          ? timeless(JSON.parse(body.toString()))
          : body.toString(),
    ]),
  );
}

const contents = ["one", "two", "bad", "three", "four"];

describe("faults of workers (numbers as in docs/faults.md)", () => {
  test("15, 16, 29: a worker killed at any call leaves the same final state as one that was not", async () => {
    const calm = await planned(contents);
    await calm.world.work();
    const expected = finalState(calm.world);
    for (let calls = 1; ; calls++) {
      let wasKilled = false;
      for (const lastTakesEffect of [true, false]) {
        const { world } = await planned(contents);
        const life = new Life(calls, lastTakesEffect);
        await world.attempt(world.queue.jobs[0]!, 0, { life });
        wasKilled ||= life.isOver;
        await world.work();
        await collectBatch(world.pipeline(), batch, world.queue.jobs[0]!.request.run);
        expect(finalState(world)).toEqual(expected);
      }
      if (!wasKilled) break;
      expect(calls).toBeLessThan(300);
    }
  }, 120_000);

  test("16: told to stop, a worker writes down what it has done, and the next attempt does the rest", async () => {
    const planning = await planned(["one", "two", "three", "four", "five"]);
    const stop = new AbortController();
    let analysed = 0;
    const open = fakeImages({
      before: (stage) => {
        if (stage === "analyse" && ++analysed === 2) stop.abort();
      },
    });
    const first = await runShard(
      { ...running(planning.world, planning.world.store, open), stop: stop.signal },
      task(planning),
    );
    expect(first).toEqual({ state: "interrupted", counts: { planned: 2, succeeded: 2, failed: 0, skipped: 0 } });
    expect(await statuses(planning)).toEqual(["succeeded", "succeeded"]);
    const second = await runShard(running(planning.world, planning.world.store), task(planning, 2));
    expect(second).toMatchObject({ state: "finished", counts: { planned: 5, succeeded: 5 } });
  });

  test("18: the image that kills workers is found and quarantined; the others are done", async () => {
    const planning = await planned(["one", "two", "killer", "three", "four"]);
    const { world } = planning;
    for (const number of [0, 1]) {
      const job = world.queue.jobs[number]!;
      while (job.ended[0] === undefined) {
        const life = new Life();
        const open = fakeImages({
          before: (stage, text) => {
            if (stage === "analyse" && text === "killer") life.end();
          },
        });
        await world.attempt(job, 0, { life, open });
      }
      await collectBatch(world.pipeline(), batch, planning.plan.run);
      // At first it is only quarantined: machines may also be taken away without a word.
      if (number === 0) expect(await statuses(planning)).toEqual(["succeeded", "succeeded", "succeeded", "succeeded"]);
    }
    expect(world.queue.jobs).toHaveLength(2);
    const summary = await world.summary();
    expect(summary.counts).toEqual({ planned: 5, succeeded: 4, failed: 1, skipped: 0 });
    expect(summary.failures).toEqual([
      { key: imageKey("image 2.png"), failure: { code: "worker.killed", message: expect.stringContaining("memory") } },
    ]);
  });

  test("18: a machine that was taken away twice fails no image", async () => {
    const planning = await planned(contents);
    for (const calls of [9, 12])
      await planning.world.attempt(planning.world.queue.jobs[0]!, 0, { life: new Life(calls) });
    await planning.world.work();
    expect((await planning.world.summary()).counts).toEqual({ planned: 5, succeeded: 4, failed: 1, skipped: 0 });
  });

  test("23: a zombie beside its successor does no harm", async () => {
    const planning = await planned(contents);
    const { world } = planning;
    await Promise.all([1, 2, 3].map((attempt) => runShard(running(world, world.store), task(planning, attempt))));
    await world.work();
    expect(await statuses(planning)).toEqual(["succeeded", "succeeded", "image.truncated", "succeeded", "succeeded"]);
    await checkInvariant(world);
  });

  test("23: twins whose maps differ keep their own files, the first result stands, and the outcome says so", async () => {
    const planning = await planned(["one"]);
    const { world } = planning;
    const other: OpenImageWork = async (plan, model) => {
      const images = await fakeImages()(plan, model);
      return {
        ...images,
        encode: async (analysed) => {
          // Meanwhile the twin is done.
          await runShard(running(world, world.store), task(planning, 2));
          const encoded = await images.encode(analysed);
          return {
            ...encoded,
            explanations: encoded.explanations.map((one) => ({ ...one, map: Buffer.from("another map") })),
          };
        },
      };
    };
    await runShard(running(world, world.store, other), task(planning, 1));
    await world.work();
    await checkInvariant(world);
    const [item] = await shardItems(world.store, planning.plan, 0);
    const stands: Result = await requireDocument(world.store, resultKey(batch, item!.key, item!.work), resultDocument);
    expect(stands.attempts).toBe(2);
    expect(Buffer.from((await world.store.read(stands.explanations[0]!.map)).body).toString()).toBe("map of one");
  });

  test("29: other bytes left by a crash are neither overwritten nor believed", async () => {
    const planning = await planned(["one"]);
    const { world } = planning;
    const [item] = await shardItems(world.store, planning.plan, 0);
    const left = resultKey(batch, item!.key, item!.work).replace("result.json", "grad-cam.map.npy") as ObjectKey;
    await world.store.write(left, "half a map");
    await world.work();
    await checkInvariant(world);
    expect(Buffer.from((await world.store.read(left)).body).toString()).toBe("half a map");
  });

  test("24: what may pass is tried again", async () => {
    const planning = await planned(contents);
    const failures = new Map<string, number>();
    const store = withFault(planning.world.store, "read", (key) => {
      const before = failures.get(key) ?? 0;
      failures.set(key, before + 1);
      if (key.startsWith("incoming/") && before < 2)
        throw new TransientError("storage.unavailable", "Expected an answer from S3 but received SlowDown");
    });
    expect(await runShard(running(planning.world, store), task(planning))).toMatchObject({
      state: "finished",
      counts: { succeeded: 4, failed: 1 },
    });
  });

  test("24: what does not pass is no image's fault: the shard is left to another attempt", async () => {
    const planning = await planned(contents);
    const store = withFault(planning.world.store, "read", (key) => {
      if (key === imageKey("image 3.png"))
        throw new TransientError("storage.unavailable", "Expected an answer from S3 but received SlowDown");
    });
    await expect(runShard(running(planning.world, store), task(planning))).rejects.toBeInstanceOf(TransientError);
    expect((await statuses(planning)).length).toBeGreaterThan(0);
    await planning.world.work();
    expect((await planning.world.summary()).counts).toEqual({ planned: 5, succeeded: 4, failed: 1, skipped: 0 });
  });

  test.each([
    ["for a while", 20],
    ["throughout", Number.POSITIVE_INFINITY],
  ])(
    "a roll-up that others keep writing, %s, is no image's fault: the shard is left to another attempt",
    async (_how, times) => {
      const planning = await planned(contents);
      let left = times;
      const store = withFault(planning.world.store, "write", (key) => {
        if (key.includes("/shards/") && left-- > 0) throw new PreconditionFailedError(key, "the ETag that was read");
      });
      const slow = fakeImages({
        before: (stage) => {
          if (stage === "analyse") planning.world.clock.advance(30);
        },
      });
      await expect(runShard(running(planning.world, store, slow), task(planning))).rejects.toMatchObject({
        name: "TransientError",
        code: "storage.contended",
      });
      expect((await statuses(planning)).filter((status) => status === "storage.contended")).toEqual([]);
      await planning.world.work();
      expect((await planning.world.summary()).counts).toEqual({ planned: 5, succeeded: 4, failed: 1, skipped: 0 });
      await checkInvariant(planning.world);
    },
  );

  test("25: a denial is not tried again, and every image says why", async () => {
    const planning = await planned(contents);
    let reads = 0;
    const store = withFault(planning.world.store, "read", (key) => {
      if (!key.startsWith("incoming/")) return;
      reads++;
      throw new EnvironmentError(
        "storage.denied",
        "Expected to be allowed to read but S3 denied it; check the role's policy",
      );
    });
    const outcome = await runShard(running(planning.world, store), task(planning));
    expect(outcome).toMatchObject({ state: "failed", failure: { code: "storage.denied" } });
    expect(reads).toBeLessThanOrEqual(3);
    expect(await statuses(planning)).toEqual(Array.from({ length: 5 }, () => "storage.denied"));
    await collectBatch(planning.world.pipeline(), batch, planning.plan.run);
    expect(planning.world.queue.jobs).toHaveLength(1);
  });

  test("26: a full disk ends the shard with a reason, and no result names what is not there", async () => {
    const planning = await planned(contents);
    let room = 3;
    const store = withFault(planning.world.store, "write", (key) => {
      if (key.startsWith("results/") && room-- <= 0)
        throw new EnvironmentError("storage.full", "Expected room but the disk is full; make room and run again");
    });
    expect(await runShard(running(planning.world, store), task(planning))).toMatchObject({
      state: "failed",
      failure: { code: "storage.full" },
    });
    expect([...planning.world.store.held.keys()].filter((key) => key.endsWith("result.json"))).toEqual([]);
    expect(new Set(await statuses(planning))).toEqual(new Set(["storage.full", "image.truncated"]));
  });

  test("27: a damaged model is refused by its digest, one that cannot be used by its reason", async () => {
    const damaged = await planned(contents);
    await damaged.world.store.write(modelKey(card.sha256), "another model");
    expect(await runShard(running(damaged.world, damaged.world.store), task(damaged))).toMatchObject({
      state: "failed",
      failure: { code: "model.digest-mismatch" },
    });
    const unusable = await planned(contents);
    expect(await runShard(running(unusable.world, unusable.world.store, unusableModel), task(unusable))).toMatchObject({
      state: "failed",
      failure: { code: "model.not-onnx" },
    });
    expect(new Set(await statuses(unusable))).toEqual(new Set(["model.not-onnx"]));
    await unusable.world.work();
    expect((await unusable.world.summary()).counts.failed).toBe(5);
  });

  test("28: NaN in one image's outputs fails that image alone", async () => {
    const planning = await planned(contents);
    const open = fakeImages({
      before: (stage, text) => {
        if (stage === "analyse" && text === "two")
          throw new ImageError("inference.not-finite", "Expected finite scores but the model answered NaN or infinity");
      },
    });
    await runShard(running(planning.world, planning.world.store, open), task(planning));
    expect(await statuses(planning)).toEqual([
      "succeeded",
      "inference.not-finite",
      "image.truncated",
      "succeeded",
      "succeeded",
    ]);
  });

  test("30: ends of jobs told twice, early and out of order collect once", async () => {
    const { world, plan } = await planned(contents, 2);
    expect(await collectBatch(world.pipeline(), batch, plan.run)).toMatchObject({
      state: "running",
      finishedItems: 0,
      items: 5,
    });
    const job = world.queue.jobs[0]!;
    await world.attempt(job, 2);
    expect(await collectBatch(world.pipeline(), batch, plan.run)).toMatchObject({ state: "running", finishedItems: 1 });
    for (const index of [1, 0]) await world.attempt(job, index);
    expect(await collectBatch(world.pipeline(), batch, plan.run)).toMatchObject({ state: "collected" });
    expect(await collectBatch(world.pipeline(), batch, plan.run)).toMatchObject({ state: "already-collected" });
    expect(world.notes.filter(({ subject }) => subject.includes("is done"))).toHaveLength(1);
    await checkInvariant(world);
  });

  test("15, 31: shards that a queue of reclaimed machines did not finish are dispatched once more, on demand", async () => {
    const { world, plan } = await planned(contents, 2);
    const job = world.queue.jobs[0]!;
    await world.attempt(job, 0);
    await world.attempt(job, 2);
    for (let attempt = 0; attempt < 3; attempt++) await world.attempt(job, 1, { life: new Life(12) });
    expect(job.state).toBe("failed");
    expect(await collectBatch(world.pipeline(), batch, plan.run)).toEqual({ state: "dispatched-again", shards: 1 });
    const [, again] = await readDispatches(world.store, batch, plan.run);
    expect(again!.value).toMatchObject({ number: 1, queue: "on-demand", shards: [1] });
    await world.work();
    const summary = await world.summary();
    expect(summary.counts).toEqual({ planned: 5, succeeded: 4, failed: 1, skipped: 0 });
    expect(summary.attempts).toEqual({ dispatches: 2, notes: [job.reason] });
    await checkInvariant(world);
  });

  test("17, 22, 31: when every try is spent, what no worker finished failed, with the queue's reason", async () => {
    const { world } = await planned(contents, 2);
    const cancelled = "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - no instance type has so much memory";
    for (let tries = 0; tries < 2; tries++) {
      const job = world.queue.jobs[tries]!;
      job.ended.fill("failed");
      Object.assign(job, { state: "failed", reason: cancelled });
      await collectBatch(world.pipeline(), batch, job.request.run);
    }
    const summary = await world.summary();
    expect(summary.counts).toEqual({ planned: 5, succeeded: 0, failed: 5, skipped: 0 });
    expect(summary.failures[0]!.failure).toEqual({
      code: "worker.unfinished",
      message: expect.stringContaining(cancelled),
    });
  }, 10_000);

  test("two runs of one batch collected in the wrong order: the newer is shown, and both are counted", async () => {
    const { world, plan } = await planned(contents);
    await world.store.write(imageKey("late.png"), "late");
    await planBatch(world.pipeline(), batch, { by: "command", coversUntil: null });
    const [older, newer] = world.queue.jobs;
    await world.attempt(newer!, 0);
    await collectBatch(world.pipeline(), batch, newer!.request.run);
    await world.attempt(older!, 0);
    await collectBatch(world.pipeline(), batch, plan.run);
    const summary = await world.summary();
    expect(summary).toMatchObject({
      run: newer!.request.run,
      ordinal: 2,
      counts: { planned: 6, succeeded: 5, failed: 1, skipped: 0 },
    });
    await checkInvariant(world);
  });
});
