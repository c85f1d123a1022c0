import { randomUUID } from "node:crypto";

/** A job as our stand-in for AWS Batch keeps it: the fields of DescribeJobs that anyone here reads. */

export type Status = "SUBMITTED" | "PENDING" | "RUNNABLE" | "STARTING" | "RUNNING" | "SUCCEEDED" | "FAILED";

export interface NamedValue {
  readonly name: string;
  readonly value: string;
}

export interface ExitRule {
  readonly action: string;
  readonly onStatusReason?: string;
  readonly onReason?: string;
  readonly onExitCode?: string;
}

export interface JobDefinition {
  readonly arn: string;
  readonly image: string;
  /** Pulls the image and writes the log; none where the definition names none. */
  readonly executionRoleArn: string | undefined;
  readonly command: readonly string[];
  readonly environment: readonly NamedValue[];
  readonly roleArn: string;
  readonly attempts: number;
  readonly exitRules: readonly ExitRule[];
  readonly timeoutSeconds: number | undefined;
  /** Folders of the container that are volumes of the machine's disk. */
  readonly mounted: readonly string[];
}

export interface Attempt {
  readonly container: { readonly exitCode?: number; readonly reason?: string };
  readonly startedAt: number;
  readonly stoppedAt: number;
  readonly statusReason: string;
}

export interface Submission {
  readonly jobName: string;
  readonly jobQueue: string;
  readonly jobDefinition: string;
  readonly arrayProperties?: { readonly size?: number };
  readonly parameters?: Readonly<Record<string, string>>;
  readonly containerOverrides?: { readonly environment?: readonly NamedValue[] };
}

export interface Job {
  readonly jobId: string;
  readonly definition: JobDefinition;
  readonly submission: Submission;
  readonly createdAt: number;
  readonly children: readonly Job[];
  /** A child's place in its array. */
  readonly index: number | undefined;
  readonly attempts: Attempt[];
  status: Status;
  statusReason: string | undefined;
  /** TerminateJob or CancelJob was called for it. */
  stopped: boolean;
}

export function newJob(submission: Submission, definition: JobDefinition): Job {
  const jobId = randomUUID();
  const createdAt = Date.now();
  const base = { definition, submission, createdAt };
  const size = submission.arrayProperties?.size ?? 0;
  const children = Array.from({ length: size }, (_, index): Job => ({
    ...base,
    jobId: `${jobId}:${index}`,
    index,
    children: [],
    attempts: [],
    status: "SUBMITTED",
    statusReason: undefined,
    stopped: false,
  }));
  return {
    ...base,
    jobId,
    index: undefined,
    children,
    attempts: [],
    status: "SUBMITTED",
    statusReason: undefined,
    stopped: false,
  };
}

/** What DescribeJobs answers, and what an event's detail holds. */
export function detailOf(job: Job): Record<string, unknown> {
  const { submission, definition, children, index, attempts } = job;
  const last = attempts.at(-1);
  return {
    jobId: job.jobId,
    jobName: submission.jobName,
    jobQueue: submission.jobQueue,
    jobDefinition: definition.arn,
    jobArn: definition.arn.replace(/job-definition\/.*$/, `job/${job.jobId}`),
    status: job.status,
    createdAt: job.createdAt,
    attempts,
    isTerminated: job.stopped,
    isCancelled: job.stopped && attempts.length === 0,
    parameters: submission.parameters ?? {},
    ...(job.statusReason === undefined ? {} : { statusReason: job.statusReason }),
    ...(last ? { startedAt: last.startedAt, stoppedAt: last.stoppedAt } : {}),
    container: {
      image: definition.image,
      ...last?.container,
      environment: [...definition.environment, ...(submission.containerOverrides?.environment ?? [])],
    },
    ...(children.length > 0 ? { arrayProperties: { size: children.length, statusSummary: summaryOf(children) } } : {}),
    ...(index === undefined ? {} : { arrayProperties: { index } }),
  };
}

function summaryOf(children: readonly Job[]): Record<string, number> {
  const summary: Record<string, number> = {};
  for (const { status } of children) summary[status] = (summary[status] ?? 0) + 1;
  return summary;
}

/** Batch's rule: the first entry all of whose conditions hold decides; no match retries. */
export function isRetried({ definition, attempts, stopped }: Job): boolean {
  const last = attempts.at(-1);
  if (stopped || !last || last.container.exitCode === 0 || attempts.length >= definition.attempts) return false;
  const matched = definition.exitRules.find(
    ({ onStatusReason, onReason, onExitCode }) =>
      matches(onStatusReason, last.statusReason) &&
      matches(onReason, last.container.reason ?? "") &&
      matches(onExitCode, String(last.container.exitCode ?? "")),
  );
  return matched === undefined || matched.action.toUpperCase() === "RETRY";
}

/** Patterns end in * or match exactly. */
function matches(pattern: string | undefined, text: string): boolean {
  if (pattern === undefined) return true;
  return pattern.endsWith("*") ? text.startsWith(pattern.slice(0, -1)) : text === pattern;
}
