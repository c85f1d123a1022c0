import { sha256Of } from "../../contract/digests";
import { engineVersion } from "../../contract/engine-version";
import { CytolensError, EnvironmentError, ModelError, TransientError } from "../../contract/errors";
import { modelKey, planKey, resultKey, rollUpKey, suspectKey } from "../../contract/object-keys";
import type { KnownFailure, Outcome } from "../../contract/outcome";
import { plan as planDocument, type Dispatch, type Plan, type WorkItem } from "../../contract/plan";
import { result as resultDocument } from "../../contract/result";
import type { Counts } from "../../contract/summary";
import type { WorkerTask } from "../../contract/worker-environment";
import { ObjectNotFoundError, PreconditionFailedError, type ObjectStore } from "../../storage/object-store";
import { readDocument, requireDocument } from "../../bucket/documents";
import type { ImageWork, OpenImageWork } from "./image-work";
import { shardItems, shardOutcomes } from "../../bucket/outcomes";
import type { Clock } from "../../bucket/clock";
import { describeError } from "../../bucket/describe-error";
import { withRetries } from "../../bucket/retry";
import { RollUp } from "./roll-up";
import { readDispatch, shardsOf } from "../../bucket/runs";
import { ahead, Room } from "./stages";
import { storeResult } from "./store-result";
import { succeededFrom } from "../../bucket/outcome-of-result";
import { Suspicion } from "./suspicion";

export interface ShardWorker {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly open: OpenImageWork;
  /** Aborted when the machine is to be given back: what is in hand is finished, the rest left to the next attempt. */
  readonly stop: AbortSignal;
  /** Told of every item that this attempt settles, for progress bars. */
  readonly told?: (outcome: Outcome) => void;
}

export type ShardTask = Pick<WorkerTask, "batch" | "run" | "number" | "part" | "index" | "attempt">;

export type ShardOutcome =
  | { readonly state: "finished" | "interrupted"; readonly counts: Counts }
  /** All is done but for images that killed workers: machines that are never taken away try them once more. */
  | { readonly state: "set-aside"; readonly counts: Counts }
  /** Nothing can be computed here, or with this model: every item left was recorded as failed with the reason. */
  | { readonly state: "failed"; readonly failure: KnownFailure; readonly counts: Counts };

/**
 * Images in memory at once, whatever the shard's size: two prepared and waiting, one before the network, two being encoded
 * and stored. The decoder's child process has its own limit.
 */
export const preparedAhead = 2;
export const storedBehind = 2;

/** Works on one shard of a run. May be killed anywhere and started again, and may overlap its own successor. */
export async function runShard(worker: ShardWorker, task: ShardTask): Promise<ShardOutcome> {
  const { store, clock } = worker;
  const { batch, run, number, attempt } = task;
  const plan = await requireDocument(store, planKey(batch, run), planDocument);
  const { shard, queue } = await shardOf(store, task);
  const rollUp = await RollUp.open(
    store,
    clock,
    rollUpKey(batch, run, number, shard),
    await shardOutcomes(store, plan, shard, number),
  );
  const left = (await shardItems(store, plan, shard)).filter(({ work }) => !rollUp.has(work));
  if (left.length === 0) return { state: "finished", counts: rollUp.counts };

  const earlierNote = number > 0 ? suspectKey(batch, run, number - 1, shard) : undefined;
  const suspicion = await Suspicion.open(store, suspectKey(batch, run, number, shard), attempt, earlierNote);
  const shift = new Shift(worker, plan, rollUp, suspicion, attempt, queue === "on-demand");
  const ended = await shift.work(left).then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  const failure = ended && !isPassing(ended.error) ? describeError(ended.error) : undefined;
  if (failure)
    for (const item of left)
      if (!rollUp.has(item.work)) rollUp.add({ status: "failed", ...shift.identity(item, 0), failure });
  await tidyUp(rollUp, suspicion, ended);
  if (failure) return { state: "failed", failure, counts: rollUp.counts };
  const open = left.filter(({ work }) => !rollUp.has(work));
  const state =
    open.length === 0
      ? "finished"
      : open.every(({ work }) => suspicion.isCondemned(work))
        ? "set-aside"
        : "interrupted";
  return { state, counts: rollUp.counts };
}

/** What went wrong first is what is told. */
async function tidyUp(
  rollUp: RollUp,
  suspicion: Suspicion,
  ended: { readonly error: unknown } | undefined,
): Promise<void> {
  try {
    await rollUp.flush();
    await suspicion.clear();
  } catch (error) {
    throw ended ? ended.error : error;
  }
  if (ended && isPassing(ended.error)) throw ended.error;
}

async function shardOf(
  store: ObjectStore,
  { batch, run, number, part, index }: ShardTask,
): Promise<{ shard: number; queue: Dispatch["queue"] }> {
  const dispatch = await readDispatch(store, batch, run, number, part);
  const shard = dispatch && shardsOf(dispatch.value)[index];
  if (!dispatch || shard === undefined)
    throw new EnvironmentError(
      "worker.no-shard",
      `Expected dispatch ${number}-${part} of run ${run} to name a shard at index ${index} but it does not`,
    );
  return { shard, queue: dispatch.value.queue };
}

/** Worth another attempt of the whole shard, as nothing is wrong with the images. */
const isPassing = (error: unknown): boolean => error instanceof TransientError || !(error instanceof CytolensError);
/** Wrong for every image, not for one. */
const isEveryones = (error: unknown): boolean => error instanceof EnvironmentError || error instanceof TransientError;

type Taken = { readonly item: WorkItem; readonly startedAt: number; readonly timings: Record<string, number> };
type Prepared = Taken & ({ readonly outcome: Outcome } | { readonly prepared: unknown });

/** One attempt's way through the items that are left. */
class Shift {
  private images: ImageWork | undefined;

  constructor(
    private readonly worker: ShardWorker,
    private readonly plan: Plan,
    private readonly rollUp: RollUp,
    private readonly suspicion: Suspicion,
    private readonly attempt: number,
    private readonly isLastTry: boolean,
  ) {}

  async work(items: readonly WorkItem[]): Promise<void> {
    this.checkEngine();
    this.images = await this.worker.open(this.plan, await this.loadModel());
    try {
      const { isStruck, isCondemned } = this.suspicion;
      await this.workOn(
        items.filter(({ work }) => !isStruck(work)),
        preparedAhead,
        storedBehind,
      );
      await this.workOn(
        items.filter(({ work }) => isStruck(work) && (this.isLastTry || !isCondemned(work))),
        0,
        0,
      );
    } finally {
      await this.images.close();
    }
  }

  /** Reading and preparing run ahead of the network, encoding and storing behind it. */
  private async workOn(items: readonly WorkItem[], aheadOf: number, behind: number): Promise<void> {
    const room = new Room(behind);
    try {
      for await (const next of ahead(items, aheadOf, (item) => this.prepare(item), this.worker.stop)) {
        if ("outcome" in next) this.settle(next.outcome);
        else if (!this.worker.stop.aborted) await this.explain(next, next.prepared, room);
        await this.rollUp.flushSometimes();
      }
    } finally {
      await room.emptied();
    }
  }

  private async prepare(item: WorkItem): Promise<Prepared> {
    const taken = { item, startedAt: performance.now(), timings: {} as Record<string, number> };
    try {
      const known = await this.alreadyThere(item);
      if (known) return { ...taken, outcome: known };
      if (this.suspicion.isCondemned(item.work))
        return { ...taken, outcome: { status: "failed", ...this.identity(item, 0), failure: killer } };
      await this.suspicion.take(item.work);
      const { body } = await this.timed(taken, "read", () =>
        withRetries(this.worker.clock, () => this.worker.store.read(item.key, { ifMatch: item.etag })),
      );
      return { ...taken, prepared: await this.timed(taken, "prepare", () => this.opened.prepare(body, item)) };
    } catch (error) {
      return { ...taken, outcome: this.outcomeOf(error, taken) };
    }
  }

  private async explain(taken: Taken, prepared: unknown, room: Room): Promise<void> {
    let analysed: unknown;
    try {
      analysed = await this.timed(taken, "analyse", () => this.opened.analyse(prepared));
    } catch (error) {
      this.settle(this.outcomeOf(error, taken));
      return;
    }
    await room.enter(() => this.store(taken, analysed));
  }

  private async store(taken: Taken, analysed: unknown): Promise<void> {
    const { item, timings } = taken;
    const { store, clock } = this.worker;
    try {
      const encoded = await this.timed(taken, "encode", () => this.opened.encode(analysed));
      const circumstances = {
        provider: this.opened.provider,
        attempt: this.attempt,
        now: clock.now(),
        timings: { ...timings, total: performance.now() - taken.startedAt },
      };
      const result = await withRetries(clock, () => storeResult(store, this.plan, item, encoded, circumstances));
      this.settle(succeededFrom(result, item, this.plan));
    } catch (error) {
      this.settle(this.outcomeOf(error, taken));
    }
  }

  /** Done before: by this run's killed attempt or a twin, or by an earlier run. */
  private async alreadyThere(item: WorkItem): Promise<Outcome | undefined> {
    const key = resultKey(this.plan.batch, item.key, item.work);
    const found = await withRetries(this.worker.clock, () => readDocument(this.worker.store, key, resultDocument));
    return found && succeededFrom(found.value, item, this.plan);
  }

  /** An error's place among an image's outcomes; what is wrong for every image is thrown on. */
  private outcomeOf(error: unknown, { item, startedAt }: Taken): Outcome {
    if (isEveryones(error)) throw error;
    const identity = this.identity(item, (performance.now() - startedAt) / 1000);
    if (error instanceof PreconditionFailedError && error.key === item.key)
      return { status: "skipped", ...identity, reason: "superseded" };
    if (error instanceof ObjectNotFoundError && error.key === item.key)
      return { status: "skipped", ...identity, reason: "deleted" };
    return { status: "failed", ...identity, failure: describeError(error) };
  }

  private settle(outcome: Outcome): void {
    this.rollUp.add(outcome);
    this.suspicion.putDown(outcome.work);
    this.worker.told?.(outcome);
  }

  identity({ work, key, label }: WorkItem, seconds: number) {
    return {
      work,
      key,
      ...(label === undefined ? {} : { label }),
      finishedAt: this.worker.clock.now().toISOString(),
      seconds,
    };
  }

  private get opened(): ImageWork {
    if (!this.images)
      throw new EnvironmentError("worker.not-open", "Expected the model to be open before an image is worked on");
    return this.images;
  }

  private async timed<T>({ timings }: Taken, stage: string, action: () => Promise<T>): Promise<T> {
    const began = performance.now();
    try {
      return await action();
    } finally {
      timings[stage] = performance.now() - began;
    }
  }

  private checkEngine(): void {
    if (this.plan.engineVersion === engineVersion) return;
    throw new EnvironmentError(
      "worker.engine-version",
      `Expected a worker of version ${this.plan.engineVersion}, with which run ${this.plan.run} was planned, but this is ${engineVersion}`,
    );
  }

  private async loadModel(): Promise<Uint8Array> {
    const { sha256 } = this.plan.model;
    const { body } = await withRetries(this.worker.clock, () => this.worker.store.read(modelKey(sha256)));
    const found = sha256Of(body);
    if (found !== sha256)
      throw new ModelError(
        "model.digest-mismatch",
        `Expected a model with sha256 ${sha256} but the file in the bucket has ${found}: it was changed or damaged, publish it again`,
      );
    return body;
  }
}

const killer: KnownFailure = {
  code: "worker.killed",
  message:
    "Expected a worker to finish this image but two were killed over it, the second with nothing else in hand: most likely it needs more memory than there is",
};
