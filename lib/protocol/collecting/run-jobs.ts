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

/** What the machines of a run's jobs took; undefined where the queue does not know it of all of them. */
export async function machineSeconds(
  { queue }: Pick<Pipeline, "queue">,
  jobs: readonly RunJob[],
): Promise<number | undefined> {
  let sum = 0;
  for (const { dispatch } of jobs) {
    const { jobId } = dispatch.value;
    if (jobId === null) continue;
    const seconds = await queue.machineSeconds?.(jobId);
    if (seconds === undefined) return undefined;
    sum += seconds;
  }
  return sum;
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

/** The same of the jobs that worked on a shard. */
export const reasonsFor = (jobs: readonly RunJob[], shard: number): string[] =>
  reasonsOf(jobs.filter(({ dispatch: { value } }) => holds(value, shard)));

const holds = ({ shards }: Dispatch, shard: number): boolean =>
  Array.isArray(shards) ? shards.includes(shard) : shards.first <= shard && shard < shards.first + shards.count;
