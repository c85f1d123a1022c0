import type { Stored } from "../../bucket/documents";
import { readDispatches, shardsOf } from "../../bucket/runs";
import type { Dispatch, Plan } from "../../contract/plan";
import type { JobFacts, Pipeline } from "../ports";

/** A dispatch of a run with what the queue knows of its job. */
export interface RunJob {
  readonly dispatch: Stored<Dispatch>;
  readonly facts: JobFacts | undefined;
  readonly isLive: boolean;
}

export async function readJobs({ store, queue, clock }: Pipeline, { batch, run }: Plan): Promise<RunJob[]> {
  const jobs: RunJob[] = [];
  for (const dispatch of await readDispatches(store, batch, run)) {
    const { jobId, leaseUntil } = dispatch.value;
    const facts = jobId === null ? undefined : await queue.describe(jobId);
    const isLive =
      jobId === null ? new Date(leaseUntil) > clock.now() : facts?.state === "waiting" || facts?.state === "running";
    jobs.push({ dispatch, facts, isLive });
  }
  return jobs;
}

/** For each shard, the last job that was to work on it. */
export function lastJobs(jobs: readonly RunJob[]): Map<number, RunJob> {
  const last = new Map<number, RunJob>();
  for (const job of jobs) for (const shard of shardsOf(job.dispatch.value)) last.set(shard, job);
  return last;
}

/** Why jobs of the run failed, each reason once. */
export const reasonsOf = (jobs: readonly RunJob[]): string[] => [
  ...new Set(jobs.flatMap(({ facts }) => (facts?.state === "failed" && facts.reason ? [facts.reason] : []))),
];
