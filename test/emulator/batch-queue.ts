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

  constructor(
    private readonly processes: JobProcesses,
    private readonly concurrency: number,
    private readonly stateChanged: (detail: Record<string, unknown>) => void,
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
    setImmediate(() => this.pump());
    return job;
  }

  pump(): void {
    while (!this.paused && this.active < this.concurrency && this.waiting.length > 0) {
      const job = this.waiting.shift();
      if (!job || job.status !== "RUNNABLE") continue;
      this.active++;
      void this.run(job).finally(() => {
        this.active--;
        this.pump();
      });
    }
  }

  private async run(job: Job): Promise<void> {
    this.change(job, "STARTING");
    this.change(job, "RUNNING");
    const attempt = await this.processes.attempt(job);
    job.attempts.push(attempt);
    if (attempt.container.exitCode === 0) this.finish(job, "SUCCEEDED", undefined);
    else if (isRetried(job)) {
      this.change(job, "RUNNABLE");
      this.waiting.push(job);
    } else this.finish(job, "FAILED", attempt.statusReason);
  }

  /** Ends a job that has not begun; Batch does so when no instance will ever run it. */
  cancel(job: Job, reason: string): void {
    for (const one of job.children.length > 0 ? job.children : [job]) {
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

export const isEnded = ({ status }: Job): boolean => status === "SUCCEEDED" || status === "FAILED";
