import type { BatchName, RunId } from "../contract/names";
import type { Dispatch } from "../contract/plan";

/** What the pipeline needs of its surroundings: AWS in the cloud, processes and timers on a laptop, fakes in tests. */

export interface Clock {
  now(): Date;
}

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
  /** For a person, when it failed: the status reason or the container's reason. */
  readonly reason?: string;
  readonly attempts?: number;
}

export interface JobQueue {
  submit(request: JobRequest): Promise<{ readonly jobId: string }>;
  /** The newest job of that name, whatever its state; undefined when the queue never saw it. */
  findByName(name: string, queue: Dispatch["queue"]): Promise<JobFacts | undefined>;
  describe(jobId: string): Promise<JobFacts | undefined>;
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
