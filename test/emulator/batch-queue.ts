import { detailOf, isRetried, newJob, type Job, type JobDefinition, type Status, type Submission } from "./batch-job";
import type { JobProcesses } from "./job-processes";

/** An error AWS Batch would answer with. */
export class ClientError extends Error {}

const largestSubmission = 30 * 1024;

/** Takes submissions, runs them a few at a time, tries again as the definition says, and tells of every change of state. */
export class BatchQueue {
  readonly jobs = new Map<string, Job>();
  private readonly waiting: Job[] = [];
  private active = 0;
  paused = false;
  /** Why nothing starts, as Batch says it of jobs that are RUNNABLE. */
  private blockedBy: string | undefined;

  constructor(
    private readonly processes: JobProcesses,
    private readonly concurrency: number,
    private readonly stateChanged: (detail: Record<string, unknown>) => void,
    private readonly blocked: (detail: Record<string, unknown>) => void = () => undefined,
  ) {}

  submit(submission: Submission, definition: JobDefinition | undefined): Job {
    const { jobName, arrayProperties } = submission;
    if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/.test(jobName))
      throw new ClientError(`Error executing request, Exception : Job name ${jobName} is not valid`);
    if (!definition) throw new ClientError(`Job definition ${submission.jobDefinition} does not exist`);
    if (JSON.stringify(submission).length > largestSubmission)
      throw new ClientError("Request payload is larger than 30 KiB");
    const size = arrayProperties?.size;
    if (size !== undefined && (size < 2 || size > 10_000))
      throw new ClientError(`Array size ${size} must be between 2 and 10000`);
    const job = newJob(submission, definition);
    this.jobs.set(job.jobId, job);
    for (const child of job.children) this.jobs.set(child.jobId, child);
    if (job.children.length > 0) this.change(job, "PENDING");
    for (const runnable of job.children.length > 0 ? job.children : [job]) {
      this.change(runnable, "RUNNABLE");
      this.waiting.push(runnable);
    }
    this.tellBlocked();
    setImmediate(() => this.pump());
    return job;
  }

  pump(): void {
    while (!this.paused && this.blockedBy === undefined && this.active < this.concurrency && this.waiting.length > 0) {
      const job = this.waiting.shift();
      if (!job || job.status !== "RUNNABLE") continue;
      this.active++;
      void this.run(job).finally(() => {
        this.active--;
        this.pump();
      });
    }
  }

  /** Nothing starts from now on, for this reason; undefined: everything may. What waits keeps waiting. */
  block(reason: string | undefined): void {
    this.blockedBy = reason;
    for (const job of this.waiting) if (job.status === "RUNNABLE") job.statusReason = reason;
    this.tellBlocked();
  }

  /** The first job of each queue that waits is what its event is about. */
  private tellBlocked(): void {
    if (this.blockedBy === undefined) return;
    const told = new Set<string>();
    for (const job of this.waiting) {
      if (job.status !== "RUNNABLE") continue;
      job.statusReason = this.blockedBy;
      if (told.has(job.submission.jobQueue)) continue;
      told.add(job.submission.jobQueue);
      this.blocked(detailOf(job));
    }
  }

  /** The time a job may be RUNNABLE is over: what waits for a reason for which its queue cancels is cancelled. */
  passTimeLimits(cancelledFor: (jobQueue: string) => ReadonlySet<string>): void {
    for (const job of this.waiting) {
      const reason = job.statusReason?.split(" ")[0] ?? "";
      if (job.status === "RUNNABLE" && cancelledFor(job.submission.jobQueue).has(reason))
        this.finish(job, "FAILED", job.statusReason);
    }
  }

  private async run(job: Job): Promise<void> {
    job.statusReason = undefined;
    this.change(job, "STARTING");
    this.change(job, "RUNNING");
    const attempt = await this.processes.attempt(job);
    job.attempts.push(attempt);
    if (job.stopped) this.finish(job, "FAILED", attempt.statusReason);
    else if (attempt.container.exitCode === 0) this.finish(job, "SUCCEEDED", undefined);
    else if (isRetried(job)) {
      this.change(job, "RUNNABLE");
      this.waiting.push(job);
    } else this.finish(job, "FAILED", attempt.statusReason);
  }

  /** A person's TerminateJob, or CancelJob, which leaves alone what has begun. */
  stop(job: Job, reason: string, { running }: { readonly running: boolean }): void {
    if (running) job.stopped = true;
    for (const one of job.children.length > 0 ? job.children : [job]) {
      if (isEnded(one) || (one.status !== "RUNNABLE" && !running)) continue;
      one.stopped = true;
      if (one.status === "RUNNABLE") this.finish(one, "FAILED", reason);
      else this.processes.end(one, reason);
    }
  }

  private finish(job: Job, status: "SUCCEEDED" | "FAILED", reason: string | undefined): void {
    job.statusReason = reason;
    this.change(job, status);
    const parent = job.index === undefined ? undefined : this.jobs.get(job.jobId.slice(0, job.jobId.lastIndexOf(":")));
    if (!parent || !parent.children.every(isEnded)) return;
    const failed = parent.children.some((child) => child.status === "FAILED");
    parent.statusReason = failed ? "Array Child Job failed" : undefined;
    this.change(parent, failed ? "FAILED" : "SUCCEEDED");
  }

  private change(job: Job, status: Status): void {
    job.status = status;
    this.stateChanged(detailOf(job));
  }
}

const isEnded = ({ status }: Job): boolean => status === "SUCCEEDED" || status === "FAILED";
