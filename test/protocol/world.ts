import type { BatchName, ObjectKey } from "../../lib/contract/names";
import { closedMarkerKey, summaryKey } from "../../lib/contract/object-keys";
import type { Dispatch } from "../../lib/contract/plan";
import { summary as summaryDocument, type Summary } from "../../lib/contract/summary";
import { collectBatch } from "../../lib/protocol/collect-batch";
import { requireDocument } from "../../lib/bucket/documents";
import type { OpenImageWork } from "../../lib/protocol/shard/image-work";
import { handleTick } from "../../lib/protocol/handle-tick";
import { noteEvents } from "../../lib/protocol/note-uploads";
import type { Clock } from "../../lib/bucket/clock";
import type { Hints, JobFacts, JobQueue, JobRequest, JobState, Notices, Pipeline } from "../../lib/protocol/ports";
import { reconcile } from "../../lib/protocol/reconcile";
import { runShard, type ShardOutcome } from "../../lib/protocol/shard/run-shard";
import { publishModel } from "../../lib/bucket/publish-model";
import type { ObjectStore } from "../../lib/storage/object-store";
import { card, fakeImages, modelBytes } from "./fake-images";
import { MemoryStore } from "./memory-store";
import { Killed, Life, mortal } from "./mortal";

export const batch = "batch" as BatchName;
export const imageKey = (name: string): ObjectKey => `incoming/batch/${name}` as ObjectKey;

export class FakeClock implements Clock {
  private at = Date.parse("2026-11-23T12:00:00Z");
  now = (): Date => new Date(this.at);
  sleep = async (milliseconds: number): Promise<void> => {
    this.advance(milliseconds / 1000);
  };
  sleepAtMost = this.sleep;
  advance(seconds: number): void {
    this.at += seconds * 1000;
  }
}

export interface FakeJob {
  readonly jobId: string;
  readonly request: JobRequest;
  readonly attempts: number[];
  readonly ended: ("succeeded" | "failed" | undefined)[];
  state: JobState;
  reason?: string;
  noRetry?: NonNullable<JobFacts["noRetry"]>;
}

/** AWS Batch as far as the protocol sees it: jobs wait until the test runs them. */
class FakeQueue implements JobQueue {
  readonly jobs: FakeJob[] = [];
  async submit(request: JobRequest): Promise<{ jobId: string }> {
    const job: FakeJob = {
      jobId: `job-${this.jobs.length}`,
      request,
      state: "waiting",
      attempts: Array.from({ length: request.size }, () => 0),
      ended: Array.from({ length: request.size }, () => undefined),
    };
    this.jobs.push(job);
    return { jobId: job.jobId };
  }
  async findByName(name: string, _queue: Dispatch["queue"]): Promise<JobFacts | undefined> {
    return facts(this.jobs.findLast(({ request }) => request.name === name));
  }
  async describe(jobId: string): Promise<JobFacts | undefined> {
    return facts(this.jobs.find((job) => job.jobId === jobId));
  }
}

const facts = (job: FakeJob | undefined): JobFacts | undefined =>
  job && {
    jobId: job.jobId,
    name: job.request.name,
    state: job.state,
    ...(job.reason ? { reason: job.reason } : {}),
    ...(job.noRetry ? { noRetry: job.noRetry } : {}),
  };

export interface Tick {
  readonly batch: BatchName;
  readonly dueAt: number;
}

const mostAttempts = 3;

/** A bucket, a queue, hints and notices, with everything that may go wrong between them at the test's command. */
export class World {
  readonly clock = new FakeClock();
  readonly store = new MemoryStore(this.clock.now);
  readonly queue = new FakeQueue();
  readonly ticks: Tick[] = [];
  readonly notes: { subject: string; message: string }[] = [];
  readonly events: ObjectKey[] = [];
  idleSeconds = 300;
  itemsPerShard = 2;

  async prepare(): Promise<this> {
    await publishModel(this.store, { bytes: modelBytes, card }, ["default", "fake"]);
    return this;
  }

  readonly hints: Hints = {
    tick: async (name, delay) =>
      void this.ticks.push({ batch: name, dueAt: this.clock.now().getTime() + delay * 1000 }),
  };
  readonly notices: Notices = { publish: async (subject, message) => void this.notes.push({ subject, message }) };

  pipeline(life?: Life, changes: Partial<Pipeline> = {}): Pipeline {
    const live = <T extends object>(port: T): T => (life ? mortal(port, life) : port);
    return {
      store: live<ObjectStore>(this.store),
      queue: live<JobQueue>(this.queue),
      hints: live(this.hints),
      notices: live(this.notices),
      clock: this.clock,
      publishers: [],
      policy: { idleSeconds: this.idleSeconds, itemsPerShard: () => this.itemsPerShard, jobDefinition: "worker:1" },
      ...changes,
    };
  }

  /** Puts an object into the bucket, as people do; its event waits to be delivered. */
  async upload(name: string, content: string): Promise<void> {
    await this.store.write(imageKey(name), content);
    this.events.push(imageKey(name));
  }

  /** Delivers waiting events in one group; those a killed planner did not finish are delivered again later. */
  async deliver(life?: Life, count = this.events.length): Promise<void> {
    const group = this.events.splice(0, count);
    const done = await this.survive(async () => {
      const failed = await noteEvents(
        this.pipeline(life),
        group.map((key) => ({ key })),
      );
      return failed.map(({ event }) => event.key);
    });
    this.events.push(...(done ?? group));
  }

  /** Lets time pass; ticks that fall due are handled, in order. */
  async pass(seconds: number, life?: Life): Promise<void> {
    const end = this.clock.now().getTime() + seconds * 1000;
    for (;;) {
      const next = this.ticks.filter(({ dueAt }) => dueAt <= end).sort((a, b) => a.dueAt - b.dueAt)[0];
      if (!next) break;
      this.ticks.splice(this.ticks.indexOf(next), 1);
      if (next.dueAt > this.clock.now().getTime()) this.clock.advance((next.dueAt - this.clock.now().getTime()) / 1000);
      const done = await this.survive(async () => {
        await handleTick(this.pipeline(life), next.batch);
        return true;
      });
      // A queue delivers again what was not acknowledged.
      if (!done) this.ticks.push({ ...next, dueAt: this.clock.now().getTime() + 60_000 });
      if (life?.isOver) break;
    }
    const left = (end - this.clock.now().getTime()) / 1000;
    if (left > 0) this.clock.advance(left);
  }

  /** Runs one attempt of one shard of a job. A killed attempt is made again by the queue, so many times. */
  async attempt(
    job: FakeJob,
    index: number,
    options: { life?: Life | undefined; open?: OpenImageWork; stop?: AbortSignal } = {},
  ): Promise<ShardOutcome | "killed"> {
    job.state = "running";
    const attempt = (job.attempts[index] ?? 0) + 1;
    job.attempts[index] = attempt;
    const {
      batch: name,
      run,
      dispatch: { number, part },
    } = job.request;
    const store = options.life ? mortal<ObjectStore>(this.store, options.life) : this.store;
    const outcome = await this.survive(() =>
      runShard(
        {
          store,
          clock: this.clock,
          open: options.open ?? fakeImages(),
          stop: options.stop ?? new AbortController().signal,
        },
        { batch: name, run, number, part, index, attempt },
      ),
    );
    if (outcome === undefined || outcome.state === "interrupted") {
      if (attempt >= mostAttempts) this.end(job, index, "failed", "Host EC2 (instance i-0) terminated.");
    } else
      this.end(
        job,
        index,
        outcome.state === "finished" ? "succeeded" : "failed",
        outcome.state === "failed"
          ? outcome.failure.message
          : outcome.state === "quarantined"
            ? "Workers were killed over an image"
            : undefined,
      );
    return outcome ?? "killed";
  }

  private end(job: FakeJob, index: number, how: "succeeded" | "failed", reason?: string): void {
    job.ended[index] = how;
    if (reason) job.reason = reason;
    if (!job.ended.includes(undefined)) job.state = job.ended.includes("failed") ? "failed" : "succeeded";
  }

  /** Runs everything in the queue to its end, and delivers the ends. */
  async work(): Promise<void> {
    for (let job = this.openJob(); job; job = this.openJob()) {
      for (let index = 0; index < job.request.size; index++)
        while (job.ended[index] === undefined) await this.attempt(job, index);
      await collectBatch(this.pipeline(), job.request.batch, job.request.run);
    }
  }

  /** Ends what is left of a job, as AWS Batch says it was ended. */
  endJob(job: FakeJob, reason: string, noRetry?: FakeJob["noRetry"]): void {
    job.reason = reason;
    if (noRetry) job.noRetry = noRetry;
    for (let index = 0; index < job.request.size; index++)
      if (job.ended[index] === undefined) this.end(job, index, "failed");
  }

  openJob = (): FakeJob | undefined => this.queue.jobs.find(({ ended }) => ended.includes(undefined));

  /** Whatever was lost is found: events that are left, ticks, jobs, the reconciler, until nothing moves any more. */
  async settle(): Promise<void> {
    await this.deliver();
    for (let round = 0; round < 20; round++) {
      await this.pass(2 * 3600);
      await this.work();
      const report = await reconcile(this.pipeline());
      if (report.failed.length > 0) throw report.failed[0]!.error;
      if (
        report.mended.length === 0 &&
        this.ticks.length === 0 &&
        !this.openJob() &&
        (await this.store.head(closedMarkerKey(batch)))
      )
        return;
    }
    throw new Error("Expected the world to come to rest within 20 rounds");
  }

  summary = (): Promise<Summary> => requireDocument(this.store, summaryKey(batch), summaryDocument);

  private async survive<T>(action: () => Promise<T>): Promise<T | undefined> {
    try {
      return await action();
    } catch (error) {
      if (error instanceof Killed) return undefined;
      throw error;
    }
  }
}
