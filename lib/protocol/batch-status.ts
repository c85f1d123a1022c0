import type { z } from "zod";
import type { BatchName } from "../contract/names";
import { activityKey, incomingBatchPrefix, incomingObject, rejectionKey, rollUpPrefix } from "../contract/object-keys";
import type { Dispatch, Plan } from "../contract/plan";
import { activity as activityDocument, rejection as rejectionDocument } from "../contract/planning";
import type { counts } from "../contract/summary";
import { listAll, type ObjectStore } from "../storage/object-store";
import { readDocument } from "../bucket/documents";
import { shardOutcomes } from "../bucket/outcomes";
import type { JobFacts, JobQueue } from "./ports";
import { howMany, readDispatches, readPlans, readRunSummary, shardsOf } from "../bucket/runs";
import { Tally } from "../bucket/tally";

const stages = ["unknown", "uploading", "rejected", "planned", "running", "collecting", "done"] as const;
type Stage = (typeof stages)[number];

export interface RunStatus {
  readonly run: string;
  readonly ordinal: number;
  readonly stage: Stage;
  /** Items planned, and those that have an outcome so far. */
  readonly items: number;
  readonly counts: z.infer<typeof counts>;
  readonly jobs: readonly {
    readonly name: string;
    readonly queue: Dispatch["queue"];
    readonly shards: number;
    readonly state: string;
    readonly reason?: string;
  }[];
}

export interface BatchStatus {
  readonly batch: BatchName;
  readonly stage: Stage;
  /** What to expect next, for a person. */
  readonly explanation: string;
  readonly lastEventAt: string | null;
  readonly nextLookAt: string | null;
  /** Newest first. */
  readonly runs: readonly RunStatus[];
  readonly rejection?: string;
}

/** How far a batch is, from the bucket alone; with a queue, what its jobs say too. Reads as many objects as there are finished shards. */
export async function batchStatus(
  store: ObjectStore,
  batch: BatchName,
  jobs?: Pick<JobQueue, "describe">,
): Promise<BatchStatus> {
  const activity = (await readDocument(store, activityKey(batch), activityDocument))?.value;
  const rejection = (await readDocument(store, rejectionKey(batch), rejectionDocument))?.value.failure ?? undefined;
  const runs: RunStatus[] = [];
  for (const plan of (await readPlans(store, batch)).toReversed()) runs.push(await runStatus(store, plan, jobs));
  const stage = rejection
    ? "rejected"
    : (runs[0]?.stage ?? (activity || (await hasUploads(store, batch)) ? "uploading" : "unknown"));
  return {
    batch,
    stage,
    runs,
    explanation: rejection?.message ?? explanations[stage],
    lastEventAt: activity?.lastEventAt ?? null,
    nextLookAt: activity?.tickDueAt ?? null,
    ...(rejection ? { rejection: rejection.message } : {}),
  };
}

const explanations: Readonly<Record<Stage, string>> = {
  unknown: "Nothing was uploaded under this name.",
  uploading: "Images are arriving; the batch is planned once _READY is there or nothing came for a while.",
  rejected: "The batch cannot be planned as it is.",
  planned: "The shards are cut; jobs wait for machines.",
  running: "Workers are busy.",
  collecting: "Every image has its outcome; summary, table and report are being written.",
  done: "Summary, table and report are in the bucket.",
};

/** How far one run is. */
export async function runStatus(
  store: ObjectStore,
  plan: Plan,
  queue?: Pick<JobQueue, "describe">,
): Promise<RunStatus> {
  const dispatches = await readDispatches(store, plan.batch, plan.run);
  const jobs: RunStatus["jobs"][number][] = [];
  for (const { value } of dispatches) {
    const facts = value.jobId === null ? undefined : await queue?.describe(value.jobId);
    jobs.push({
      name: value.jobName,
      queue: value.queue,
      shards: shardsOf(value).length,
      ...stateOf(value, facts, queue !== undefined),
    });
  }
  const base = { run: plan.run, ordinal: plan.ordinal, items: plan.items, jobs };
  const closed = await readRunSummary(store, plan.batch, plan.run);
  if (closed) return { ...base, stage: "done", counts: closed.counts };
  const tally = new Tally();
  for (const shard of await rolledUpShards(store, plan)) {
    for (const outcome of (await shardOutcomes(store, plan, shard, howMany(dispatches))).values()) tally.add(outcome);
  }
  const found = tally.counts;
  const isRunning = found.planned > 0 || jobs.some(({ state }) => state === "running");
  return {
    ...base,
    stage: found.planned >= plan.items && plan.items > 0 ? "collecting" : isRunning ? "running" : "planned",
    counts: found,
  };
}

function stateOf(
  { jobId, leaseUntil }: Dispatch,
  facts: JobFacts | undefined,
  asked: boolean,
): { state: string; reason?: string } {
  if (facts) return { state: facts.state, ...(facts.reason === undefined ? {} : { reason: facts.reason }) };
  if (jobId === null) return { state: `claimed, to be submitted before ${leaseUntil}` };
  return { state: asked ? "no longer known to the queue" : "submitted" };
}

async function rolledUpShards(store: ObjectStore, { batch, run }: Plan): Promise<number[]> {
  const shards = new Set<number>();
  for await (const { key } of listAll(store, rollUpPrefix(batch, run))) {
    const shard = /(\d+)\.jsonl$/.exec(key)?.[1];
    if (shard !== undefined) shards.add(Number(shard));
  }
  return [...shards];
}

async function hasUploads(store: ObjectStore, batch: BatchName): Promise<boolean> {
  const { objects } = await store.listPage(incomingBatchPrefix(batch), { pageSize: 10 });
  return objects.some(({ key }) => incomingObject(key).kind === "image");
}
