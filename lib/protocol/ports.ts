import type { Readable } from "node:stream";
import type { Clock } from "../bucket/clock";
import type { BatchName, ObjectKey, RunId } from "../contract/names";
import type { Outcome } from "../contract/outcome";
import type { Dispatch } from "../contract/plan";
import type { Settings } from "../contract/settings";
import type { Summary } from "../contract/summary";
import type { ObjectStore } from "../storage/object-store";

/** What the pipeline needs of its surroundings: AWS in the cloud, processes and timers on a laptop, fakes in tests. */

export interface JobRequest {
  /** Unique for a run, dispatch number and part; a second submission under it is found, not repeated. */
  readonly name: string;
  readonly batch: BatchName;
  readonly run: RunId;
  readonly dispatch: Pick<Dispatch, "number" | "part" | "queue">;
  /** 1 to 10,000: how many shards the job works on, one an array index. */
  readonly size: number;
  readonly jobDefinition: string | null;
}

export type JobState = "waiting" | "running" | "succeeded" | "failed";

export interface JobFacts {
  readonly jobId: string;
  readonly name: string;
  readonly state: JobState;
  /** For a person, when it failed or waits: the status reason or the container's reason. */
  readonly reason?: string;
  /** Why another machine would do no better: a person ended the job, or what is wrong is wrong everywhere. */
  readonly noRetry?: "stopped" | "hopeless";
  readonly attempts?: number;
}

export interface JobQueue {
  submit(request: JobRequest): Promise<{ readonly jobId: string }>;
  /** The newest job of that name, whatever its state; undefined when the queue never saw it. */
  findByName(name: string, queue: Dispatch["queue"]): Promise<JobFacts | undefined>;
  /** Undefined when the queue no longer knows the job: its history is gone, or the laptop was shut down. */
  describe(jobId: string): Promise<JobFacts | undefined>;
  /** What all attempts of a job took, those that were reclaimed too, in seconds of one machine; undefined when no one knows. */
  machineSeconds?(jobId: string): Promise<number | undefined>;
}

/** Messages to ourselves: events say "look", the bucket says what is there. */
export interface Hints {
  /** Asks for another look at a batch; at most 900 seconds ahead. */
  tick(batch: BatchName, delaySeconds: number): Promise<void>;
}

export interface Notices {
  /** Tells people; a failure to do so never fails the batch. */
  publish(subject: string, message: string): Promise<void>;
}

/** One image of a batch as people see it: what became of it, in the run that decided it. */
export interface BatchRow {
  readonly outcome: Outcome;
  readonly run: RunId;
  readonly ordinal: number;
}

/** A batch as its finished runs together tell it. */
export interface BatchView {
  readonly store: ObjectStore;
  readonly batch: BatchName;
  readonly summary: Summary;
  /** In key order, each image once; may be walked again and again, and never holds a whole batch in memory. */
  rows(): AsyncIterable<BatchRow>;
}

/** Makes one of the files that people open from a batch. */
export interface Publisher {
  readonly key: (batch: BatchName) => ObjectKey;
  readonly contentType: string;
  readonly write: (view: BatchView) => Readable;
}

/** Everything the planning side works with. */
export interface Pipeline {
  readonly publishers: readonly Publisher[];
  readonly store: ObjectStore;
  readonly queue: JobQueue;
  readonly hints: Hints;
  readonly notices: Notices;
  readonly clock: Clock;
  readonly policy: PlanningPolicy;
}

export interface PlanningPolicy {
  /** How long a batch must be still before it is planned. */
  readonly idleSeconds: number;
  readonly itemsPerShard: (items: number, settings: Settings) => number;
  /** Recorded in plans, so that a deploy in mid-run changes nothing; null on a laptop. */
  readonly jobDefinition: string | null;
  /** When this process must have stopped listing and saved where it was. */
  readonly deadline?: Date;
}

/** Sends a hint or a notice whose loss is survived: the reconciler finds what it was about. */
export async function attempt(action: () => Promise<unknown>): Promise<void> {
  try {
    await action();
  } catch {
    // The bucket holds the truth.
  }
}
