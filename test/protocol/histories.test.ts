import * as fc from "fast-check";
import { readyMarkerKey } from "../../lib/contract/object-keys";
import { collectBatch } from "../../lib/protocol/collect-batch";
import { reconcile } from "../../lib/protocol/reconcile";
import { freezeSettings } from "../../lib/protocol/planning/freeze-settings";
import { readPlans } from "../../lib/bucket/runs";
import { checkInvariant } from "./invariant";
import { Killed, Life } from "./mortal";
import { batch, imageKey, World } from "./world";

const names = ["a.png", "b.png", "c.png", "sub/d.png", "e+f g.png"];
const contents = ["one", "two", "three", "bad"];
const settings = [
  "{}",
  JSON.stringify({ methods: ["grad-cam"] }),
  JSON.stringify({ target: { class: "high" } }),
  JSON.stringify({ model: "unknown" }),
];

const histories = Number(process.env["CYTOLENS_HISTORIES"] ?? 300);
/** More histories than usual may take as long as they need: a second each is far more than one takes. */
const timeLimitMilliseconds = Math.max(240_000, histories * 1000);

type Model = Record<string, never>;

/** Something that may happen to a batch, at any time. */
class Happening implements fc.AsyncCommand<Model, World> {
  constructor(
    private readonly name: string,
    private readonly happen: (world: World) => Promise<unknown>,
  ) {}
  check = (): boolean => true;
  run = async (_model: Model, world: World): Promise<void> => {
    await this.happen(world);
  };
  toString = (): string => this.name;
}

const life = fc.record({ calls: fc.integer({ min: 1, max: 60 }), lastTakesEffect: fc.boolean() });
const newLife = ({ calls, lastTakesEffect }: { calls: number; lastTakesEffect: boolean }): Life =>
  new Life(calls, lastTakesEffect);
const told = ({ calls, lastTakesEffect }: { calls: number; lastTakesEffect: boolean }): string =>
  `${calls} calls, the last ${lastTakesEffect ? "with" : "without"} effect`;

const swallowKills = async (action: () => Promise<unknown>): Promise<void> => {
  await action().catch((error: unknown) => {
    if (!(error instanceof Killed)) throw error;
  });
};

async function workOnce(world: World): Promise<void> {
  const job = world.openJob();
  for (const [index, how] of job?.ended.entries() ?? []) if (job && how === undefined) await world.attempt(job, index);
}

const happenings: fc.Arbitrary<fc.AsyncCommand<Model, World>>[] = [
  fc
    .tuple(fc.constantFrom(...names), fc.constantFrom(...contents))
    .map(([name, content]) => new Happening(`upload ${name}: ${content}`, (world) => world.upload(name, content))),
  fc
    .constantFrom(...names)
    .map((name) => new Happening(`delete ${name}`, (world) => world.store.delete(imageKey(name)))),
  fc
    .constantFrom(...settings)
    .map((text) => new Happening(`settings ${text}`, (world) => world.upload("batch.json", text))),
  fc.constant(
    new Happening("ready", async (world) => {
      world.clock.advance(1);
      await world.store.write(readyMarkerKey(batch), "");
      world.events.push(readyMarkerKey(batch));
    }),
  ),
  fc.tuple(fc.constantFrom(...names), fc.boolean()).map(
    ([name, gone]) =>
      new Happening(
        `${name} ${gone ? "goes" : "changes"} while it is in the queue, and comes back as it was`,
        async (world) => {
          await world.upload(name, "one");
          await world.deliver();
          await world.pass(700);
          await (gone ? world.store.delete(imageKey(name)) : world.upload(name, "other"));
          await workOnce(world);
          await world.upload(name, "one");
        },
      ),
  ),
  fc.constant(
    new Happening("be still, and work once", async (world) => {
      await world.deliver();
      await world.pass(700);
      await workOnce(world);
    }),
  ),
  fc.constant(new Happening("deliver", (world) => world.deliver())),
  fc.constant(
    new Happening("deliver in reverse, twice", (world) => {
      world.events.push(...world.events.toReversed());
      return world.deliver();
    }),
  ),
  fc.constant(new Happening("lose the first event", async (world) => void world.events.shift())),
  fc.constant(new Happening("lose the ticks", async (world) => void world.ticks.splice(0))),
  fc.constantFrom(30, 301, 4000).map((seconds) => new Happening(`pass ${seconds} s`, (world) => world.pass(seconds))),
  life.map(
    (given) =>
      new Happening(`deliver to a planner killed after ${told(given)}`, (world) => world.deliver(newLife(given))),
  ),
  life.map(
    (given) =>
      new Happening(`ticks to a planner killed after ${told(given)}`, (world) => world.pass(700, newLife(given))),
  ),
  fc.constant(new Happening("work", (world) => world.work())),
  fc.record({ given: life, index: fc.nat(3) }).map(
    ({ given, index }) =>
      new Happening(`shard ${index} killed after ${told(given)}`, async (world) => {
        const job = world.openJob();
        const open = job?.ended.flatMap((how, at) => (how === undefined ? [at] : []));
        const chosen = open?.[index % Math.max(1, open.length)];
        if (job && chosen !== undefined) await world.attempt(job, chosen, { life: newLife(given) });
      }),
  ),
  fc.constant(
    new Happening("a zombie beside its successor", async (world) => {
      const job = world.openJob();
      const index = job?.ended.indexOf(undefined) ?? -1;
      if (job && index >= 0) await Promise.all([world.attempt(job, index), world.attempt(job, index)]);
    }),
  ),
  fc.constant(
    new Happening("a finished shard once more", async (world) => {
      const job = world.queue.jobs[0];
      if (job) await world.attempt(job, 0);
    }),
  ),
  fc.constant(
    new Happening("collect every run twice", async (world) => {
      for (const { run } of [
        ...(await readPlans(world.store, batch)),
        ...(await readPlans(world.store, batch)),
      ].reverse())
        await collectBatch(world.pipeline(), batch, run);
    }),
  ),
  life.map(
    (given) =>
      new Happening(`a collector killed after ${told(given)}`, (world) =>
        swallowKills(async () => {
          for (const { run } of await readPlans(world.store, batch))
            await collectBatch(world.pipeline(newLife(given)), batch, run);
        }),
      ),
  ),
  fc.constant(new Happening("reconcile", (world) => reconcile(world.pipeline()))),
  life.map(
    (given) =>
      new Happening(`a reconciler killed after ${told(given)}`, (world) =>
        swallowKills(() => reconcile(world.pipeline(newLife(given)))),
      ),
  ),
];

describe("whatever happens to a batch", () => {
  test(
    "each planned item ends exactly once, and nothing is lost, doubled or wrong",
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.commands(happenings, { maxCommands: 25, size: "max" }), async (commands) => {
          const world = await new World().prepare();
          await world.upload("first.png", "first");
          await fc.asyncModelRun(() => ({ model: {}, real: world }), commands);
          // A batch that cannot be run is mended in the end; all others are left as they are.
          if ((await freezeSettings(world.store, batch).catch(() => undefined)) === undefined)
            await world.upload("batch.json", "{}");
          await world.settle();
          await checkInvariant(world);
        }),
        {
          numRuns: histories,
          seed: 20261123,
          ...(process.env["CYTOLENS_SEED"] ? { seed: Number(process.env["CYTOLENS_SEED"]) } : {}),
        },
      );
    },
    timeLimitMilliseconds,
  );
});
