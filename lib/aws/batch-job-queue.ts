import {
  BatchClient,
  DescribeJobsCommand,
  ListJobsCommand,
  SubmitJobCommand,
  type JobDetail,
  type JobStatus,
} from "@aws-sdk/client-batch";
import { EnvironmentError } from "../contract/errors";
import type { Dispatch } from "../contract/plan";
import { submissionEnvironment } from "../contract/worker-environment";
import type { JobFacts, JobQueue, JobRequest, JobState } from "../protocol/ports";
import { answered } from "./service-errors";

export interface BatchQueues {
  /** ARNs or names. */
  readonly spot: string;
  readonly onDemand: string;
  /** For requests without one. */
  readonly jobDefinition: string | null;
}

/** Jobs on AWS Batch. Their names are unique, so that a submission whose answer was lost is found, not repeated. */
export class BatchJobQueue implements JobQueue {
  constructor(
    private readonly client: BatchClient,
    private readonly queues: BatchQueues,
  ) {}

  async submit({ name, batch, run, dispatch, size, jobDefinition }: JobRequest): Promise<{ jobId: string }> {
    const definition = jobDefinition ?? this.queues.jobDefinition;
    if (definition === null)
      throw new EnvironmentError(
        "aws.no-job-definition",
        `Expected a job definition for job ${name} but the plan and this process have none`,
      );
    const environment = submissionEnvironment({ batch, run, number: dispatch.number, part: dispatch.part });
    const { jobId } = await answered("SubmitJob", () =>
      this.client.send(
        new SubmitJobCommand({
          jobName: name,
          jobQueue: this.arnOf(dispatch.queue),
          jobDefinition: definition,
          // An array has 2 to 10,000 children; one shard is a plain job.
          ...(size > 1 ? { arrayProperties: { size } } : {}),
          containerOverrides: {
            environment: Object.entries(environment).map(([variable, value]) => ({ name: variable, value })),
          },
          // Comes back in the event when the job ends.
          parameters: { batch: environment["CYTOLENS_BATCH"] ?? "", run },
        }),
      ),
    );
    if (jobId === undefined)
      throw new EnvironmentError("aws.refused", "Expected a job id from SubmitJob but received none");
    return { jobId };
  }

  async findByName(name: string, queue: Dispatch["queue"]): Promise<JobFacts | undefined> {
    // With a filter, every status is listed. Batch's name filter ignores case; our names have none.
    const { jobSummaryList = [] } = await answered("ListJobs", () =>
      this.client.send(
        new ListJobsCommand({
          jobQueue: this.arnOf(queue),
          filters: [{ name: "JOB_NAME", values: [name] }],
        }),
      ),
    );
    const newest = jobSummaryList
      .filter(({ jobName }) => jobName === name)
      .sort((a, b) => (b.createdAt ?? 0) - (a.createdAt ?? 0))[0];
    return newest?.jobId === undefined ? undefined : this.describe(newest.jobId);
  }

  async describe(jobId: string): Promise<JobFacts | undefined> {
    const [job] = await this.details([jobId]);
    if (!job) return undefined;
    const state = stateOf(job);
    return {
      jobId,
      name: job.jobName ?? "",
      state,
      attempts: job.attempts?.length ?? 0,
      ...(state === "failed" ? await this.endOf(job) : {}),
      ...(state === "waiting" ? await this.waitOf(job) : {}),
    };
  }

  /** Of an array, all children's; each of their attempts is on record with its begin and its end. */
  async machineSeconds(jobId: string): Promise<number | undefined> {
    const [job] = await this.details([jobId]);
    if (!job) return undefined;
    if (job.arrayProperties?.size === undefined) return secondsOf(job);
    let sum = 0;
    for (const jobStatus of ["SUCCEEDED", "FAILED"] as const) {
      let nextToken: string | undefined;
      do {
        const asked = { arrayJobId: jobId, jobStatus, maxResults: mostDescribed, nextToken };
        const page = await answered("ListJobs", () => this.client.send(new ListJobsCommand(asked)));
        const children = await this.details((page.jobSummaryList ?? []).flatMap((child) => child.jobId ?? []));
        for (const child of children) sum += secondsOf(child);
        nextToken = page.nextToken;
      } while (nextToken !== undefined);
    }
    return sum;
  }

  private async details(jobIds: string[]): Promise<JobDetail[]> {
    if (jobIds.length === 0) return [];
    const { jobs = [] } = await answered("DescribeJobs", () =>
      this.client.send(new DescribeJobsCommand({ jobs: jobIds })),
    );
    return jobs;
  }

  /** An array says only that a child failed; why is the children's to say. */
  private async endOf(job: JobDetail): Promise<Pick<JobFacts, "reason" | "noRetry">> {
    const children = await this.children(job, "FAILED", mostDescribed);
    const verdicts = (children.length > 0 ? children : [job]).map((one) => verdictOf(one));
    const same = verdicts.every((verdict) => verdict !== undefined) ? verdicts[0] : undefined;
    const noRetry = verdictOf(job) === "stopped" ? "stopped" : same;
    return { reason: reasonOf(children[0] ?? job), ...(noRetry === undefined ? {} : { noRetry }) };
  }

  /** What AWS Batch says of a job that no machine has taken yet; of an array, its first such child. */
  private async waitOf(job: JobDetail): Promise<Pick<JobFacts, "reason">> {
    const reason = job.statusReason ?? (await this.children(job, "RUNNABLE", 1))[0]?.statusReason;
    return reason === undefined ? {} : { reason };
  }

  private async children(
    { jobId, arrayProperties }: JobDetail,
    jobStatus: JobStatus,
    maxResults: number,
  ): Promise<JobDetail[]> {
    if (arrayProperties?.size === undefined) return [];
    const { jobSummaryList = [] } = await answered("ListJobs", () =>
      this.client.send(new ListJobsCommand({ arrayJobId: jobId, jobStatus, maxResults })),
    );
    return this.details(jobSummaryList.flatMap((child) => child.jobId ?? []).slice(0, maxResults));
  }

  private arnOf(queue: Dispatch["queue"]): string {
    return queue === "spot" ? this.queues.spot : this.queues.onDemand;
  }
}

/** DescribeJobs takes no more at a time. */
const mostDescribed = 100;

/** An array pends until its last child has ended; whether it works is in its summary. */
function stateOf({ status, arrayProperties }: JobDetail): JobState {
  const { STARTING = 0, RUNNING = 0 } = arrayProperties?.statusSummary ?? {};
  if (status === "PENDING" && STARTING + RUNNING > 0) return "running";
  switch (status) {
    case "SUCCEEDED":
      return "succeeded";
    case "FAILED":
      return "failed";
    case "RUNNING":
      return "running";
    default:
      return "waiting";
  }
}

/** What the worker's program ends with when another try would end the same: a fault of its own, or of what it was told. */
const hopelessExits: ReadonlySet<number> = new Set([1, 2]);

/** An attempt that was reclaimed before it began has no times. */
const secondsOf = ({ attempts = [] }: JobDetail): number =>
  attempts.reduce((sum, { startedAt = 0, stoppedAt = 0 }) => sum + Math.max(0, stoppedAt - startedAt) / 1000, 0);

/** Whether another machine would do no better. What Batch itself cancels has a reason of its own. */
function verdictOf({
  isTerminated,
  isCancelled,
  statusReason = "",
  container,
  attempts,
}: JobDetail): JobFacts["noRetry"] {
  const last = container ?? attempts?.at(-1)?.container;
  if (statusReason.startsWith("MISCONFIGURATION:")) return "hopeless";
  if (statusReason.startsWith("CAPACITY:")) return undefined;
  if (isTerminated || isCancelled) return "stopped";
  const reason = last?.reason ?? attempts?.at(-1)?.container?.reason ?? "";
  const exitCode = last?.exitCode ?? attempts?.at(-1)?.container?.exitCode;
  if (reason.startsWith("CannotPull")) return "hopeless";
  return exitCode !== undefined && hopelessExits.has(exitCode) ? "hopeless" : undefined;
}

/** The job's own reason, the last attempt's, and the exit code, as far as there are any. */
function reasonOf({ statusReason, container, attempts = [] }: JobDetail): string {
  const last = attempts.at(-1);
  const exitCode = container?.exitCode ?? last?.container?.exitCode;
  const said = [
    statusReason ?? last?.statusReason,
    container?.reason ?? last?.container?.reason,
    exitCode === undefined ? undefined : `exit code ${exitCode}`,
  ];
  return (
    [...new Set(said.filter((part): part is string => part !== undefined && part !== ""))].join("; ") ||
    "AWS Batch gave no reason"
  );
}
