import { BoundedTasks } from "../../concurrency/bounded-tasks";
import { prefetch } from "../../concurrency/prefetch";
import { sha256Of } from "../../contract/digests";
import { engineVersion } from "../../contract/engine-version";
import { EnvironmentError, ImageError, ModelError, TransientError } from "../../contract/errors";
import { missingReason } from "../../contract/missing-image";
import { modelKey, resultKey } from "../../contract/object-keys";
import type { KnownFailure, Outcome } from "../../contract/outcome";
import type { Plan, WorkItem } from "../../contract/plan";
import { result as resultDocument } from "../../contract/result";
import { ObjectNotFoundError, PreconditionFailedError, type ObjectStore } from "../../storage/object-store";
import type { Clock } from "../../bucket/clock";
import { describeError } from "../../bucket/describe-error";
import { readDocument } from "../../bucket/documents";
import { succeededFrom } from "../../bucket/outcome-of-result";
import { withRetries } from "../../bucket/retry";
import type { ImageWork, OpenImageWork } from "./image-work";
import type { Quarantine } from "./quarantine";
import type { RollUp } from "./roll-up";
import { storeResult } from "./store-result";

export interface ShardWorker {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly open: OpenImageWork;
  /** Aborted when the machine is to be given back: what is in flight is finished, the rest left to the next attempt. */
  readonly stop: AbortSignal;
  /** Called with every item that this attempt settles. */
  readonly onProgress?: (outcome: Outcome) => void;
}

/** Images beside the one that the network computes: prepared and waiting, and being encoded and stored. */
interface Overlap {
  readonly prepared: number;
  readonly stored: number;
}

/** Whatever the shard's size, no more images are in memory at once. The decoder's child process has its own limit. */
const overlapping: Overlap = { prepared: 2, stored: 2 };
/** For suspects: whichever is in flight at a death is its cause. */
const oneByOne: Overlap = { prepared: 0, stored: 0 };

/** Wrong for every image, not for one. */
const isForEveryImage = (error: unknown): boolean =>
  error instanceof EnvironmentError || error instanceof TransientError;

type Begun = { readonly item: WorkItem; readonly startedAt: number; readonly timings: Record<string, number> };
type Prepared = Begun & ({ readonly outcome: Outcome } | { readonly prepared: unknown });

const killedWorkers: KnownFailure = {
  code: "worker.killed",
  message:
    "Expected a worker to finish this image but two were killed over it, the second with no other image in flight: most likely it needs more memory than there is",
};

/** One attempt at the items of a shard that are left. */
export class ShardAttempt {
  private images: ImageWork | undefined;

  constructor(
    private readonly worker: ShardWorker,
    private readonly plan: Plan,
    private readonly rollUp: RollUp,
    private readonly quarantine: Quarantine,
    private readonly attempt: number,
    private readonly isLastTry: boolean,
  ) {}

  async work(items: readonly WorkItem[]): Promise<void> {
    this.checkEngine();
    this.images = await this.worker.open(this.plan, await this.loadModel());
    try {
      const { isSuspected, isQuarantined } = this.quarantine;
      await this.workOn(
        items.filter(({ work }) => !isSuspected(work)),
        overlapping,
      );
      await this.workOn(
        items.filter(({ work }) => isSuspected(work) && (this.isLastTry || !isQuarantined(work))),
        oneByOne,
      );
    } finally {
      await this.images.close();
    }
  }

  /** While the network computes, the next images are read and prepared, and those before encoded and stored. */
  private async workOn(items: readonly WorkItem[], { prepared, stored }: Overlap): Promise<void> {
    const storing = new BoundedTasks(stored);
    try {
      for await (const next of prefetch(items, prepared, (item) => this.prepare(item), this.worker.stop)) {
        if ("outcome" in next) this.settle(next.outcome);
        else if (!this.worker.stop.aborted) await this.explain(next, next.prepared, storing);
        await this.rollUp.flushSometimes();
      }
    } finally {
      await storing.finished();
    }
  }

  private async prepare(item: WorkItem): Promise<Prepared> {
    const begun = { item, startedAt: performance.now(), timings: {} as Record<string, number> };
    try {
      const known = await this.alreadyThere(item);
      if (known) return { ...begun, outcome: known };
      if (this.quarantine.isQuarantined(item.work))
        return { ...begun, outcome: { status: "failed", ...this.identity(item, 0), failure: killedWorkers } };
      await this.quarantine.begin(item.work);
      const { body } = await this.timed(begun, "read", () =>
        withRetries(this.worker.clock, () => this.worker.store.read(item.key, { ifMatch: item.etag })),
      );
      const missing = missingReason(body);
      if (missing !== undefined) throw new ImageError("image.unreadable", missing);
      return { ...begun, prepared: await this.timed(begun, "prepare", () => this.opened.prepare(body, item)) };
    } catch (error) {
      return { ...begun, outcome: this.outcomeOf(error, begun) };
    }
  }

  private async explain(begun: Begun, prepared: unknown, storing: BoundedTasks): Promise<void> {
    let analysed: unknown;
    try {
      analysed = await this.timed(begun, "analyse", () => this.opened.analyse(prepared));
    } catch (error) {
      this.settle(this.outcomeOf(error, begun));
      return;
    }
    await storing.start(() => this.store(begun, analysed));
  }

  private async store(begun: Begun, analysed: unknown): Promise<void> {
    const { item, timings } = begun;
    const { clock } = this.worker;
    try {
      const encoded = await this.timed(begun, "encode", () => this.opened.encode(analysed));
      const circumstances = {
        provider: this.opened.provider,
        attempt: this.attempt,
        timings: { ...timings, total: performance.now() - begun.startedAt },
      };
      const result = await withRetries(clock, () => storeResult(this.worker, this.plan, item, encoded, circumstances));
      this.settle(succeededFrom(result, item, this.plan));
    } catch (error) {
      this.settle(this.outcomeOf(error, begun));
    }
  }

  /** Done before: by this run's killed attempt or a twin, or by an earlier run. */
  private async alreadyThere(item: WorkItem): Promise<Outcome | undefined> {
    const key = resultKey(this.plan.batch, item.key, item.work);
    const found = await withRetries(this.worker.clock, () => readDocument(this.worker.store, key, resultDocument));
    return found && succeededFrom(found.value, item, this.plan);
  }

  /** An error's place among an image's outcomes; what is wrong for every image is thrown on. */
  private outcomeOf(error: unknown, { item, startedAt }: Begun): Outcome {
    if (isForEveryImage(error)) throw error;
    const identity = this.identity(item, (performance.now() - startedAt) / 1000);
    if (error instanceof PreconditionFailedError && error.key === item.key)
      return { status: "skipped", ...identity, reason: "superseded" };
    if (error instanceof ObjectNotFoundError && error.key === item.key)
      return { status: "skipped", ...identity, reason: "deleted" };
    return { status: "failed", ...identity, failure: describeError(error) };
  }

  private settle(outcome: Outcome): void {
    this.rollUp.add(outcome);
    this.quarantine.end(outcome.work);
    this.worker.onProgress?.(outcome);
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

  private async timed<T>({ timings }: Begun, stage: string, action: () => Promise<T>): Promise<T> {
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
