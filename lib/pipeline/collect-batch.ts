import type { BatchName, RunId } from "../contract/names";
import { planKey, resultKey, rollUpKey, runSummaryKey } from "../contract/object-keys";
import type { Failure, Outcome } from "../contract/outcome";
import { plan as planDocument, type Dispatch, type Plan, type WorkItem } from "../contract/plan";
import { result as resultDocument } from "../contract/result";
import type { RunSummary, Summary } from "../contract/summary";
import { readActivity, touch } from "./activity";
import { closeIfDone } from "./close-batch";
import { dispatchAgain, ensureDispatched } from "./dispatch-run";
import { createDocument, readDocument, requireDocument, type Stored } from "./documents";
import { mergeOutcomes, readRollUp, shardItems, shardOutcomes, writeRollUp } from "./outcomes";
import { attempt, type JobFacts, type Pipeline } from "./ports";
import { isPublished, publishBatch } from "./publish-batch";
import { howMany, readDispatches, readRunSummary, shardsOf } from "./runs";
import { succeededFrom } from "./succeeded";
import { Tally } from "./summarise";

export type CollectOutcome =
  | { readonly state: "running"; readonly finishedItems: number; readonly items: number }
  /** Unfinished shards were given another try. */
  | { readonly state: "dispatched-again"; readonly shards: number }
  | { readonly state: "collected" | "already-collected"; readonly summary: Summary | undefined };

/** One try may be lost to reclaimed machines; the second runs where none are reclaimed. */
const tries = 2;

/** Counts what a run's shards have rolled up; when all is there, or nothing more will come, closes the run and publishes the batch. */
export async function collectBatch(pipeline: Pipeline, batch: BatchName, run: RunId): Promise<CollectOutcome> {
  const { store } = pipeline;
  const plan = await requireDocument(store, planKey(batch, run), planDocument);
  if (await readRunSummary(store, batch, run)) return finishPublishing(pipeline, plan);

  const jobs = await readJobs(pipeline, plan);
  const dispatches = howMany(jobs.map(({ dispatch }) => dispatch));
  const tally = new Tally();
  const unfinished: number[] = [];
  for (let shard = 0; shard < plan.shards; shard++) {
    const found = await shardOutcomes(store, plan, shard, dispatches);
    if (found.size < itemsIn(plan, shard)) unfinished.push(shard);
    for (const one of found.values()) tally.add(one);
  }
  if (unfinished.length > 0) {
    if (jobs.length === 0 || jobs.some(({ isLive }) => isLive)) return { state: "running", finishedItems: tally.counts.planned, items: plan.items };
    if (await tryAgain(pipeline, plan, jobs, unfinished)) return { state: "dispatched-again", shards: unfinished.length };
    for (const shard of unfinished) await giveUp(pipeline, plan, shard, dispatches, jobs, tally);
  }
  await closeRun(pipeline, plan, tally, jobs);
  return finishPublishing(pipeline, plan, "collected");
}

interface Job {
  readonly dispatch: Stored<Dispatch>;
  readonly facts: JobFacts | undefined;
  readonly isLive: boolean;
}

async function readJobs({ store, queue, clock }: Pipeline, { batch, run }: Plan): Promise<Job[]> {
  const jobs: Job[] = [];
  for (const dispatch of await readDispatches(store, batch, run)) {
    const { jobId, leaseUntil } = dispatch.value;
    const facts = jobId === null ? undefined : await queue.describe(jobId);
    const isLive = jobId === null ? new Date(leaseUntil) > clock.now() : facts?.state === "waiting" || facts?.state === "running";
    jobs.push({ dispatch, facts, isLive });
  }
  return jobs;
}

/** False when every try is spent. A claim that was never submitted, or a job the queue has forgotten, was no try. */
async function tryAgain(pipeline: Pipeline, plan: Plan, jobs: readonly Job[], unfinished: readonly number[]): Promise<boolean> {
  if (jobs.some(({ dispatch }) => dispatch.value.jobId === null)) {
    await ensureDispatched(pipeline, plan);
    const stranded = jobs.filter(({ dispatch }) => dispatch.value.jobId === null && dispatch.value.number > 0);
    for (const { dispatch } of stranded) await dispatchAgain(pipeline, plan, dispatch.value.number, shardsOf(dispatch.value), dispatch.value.queue);
    return true;
  }
  const spent = new Set(jobs.filter(({ facts }) => facts !== undefined).map(({ dispatch }) => dispatch.value.number));
  if (spent.size >= tries) return false;
  await dispatchAgain(pipeline, plan, howMany(jobs.map(({ dispatch }) => dispatch)), unfinished);
  return true;
}

/** Items no worker finished: those whose result is there all the same are done, the others failed. */
async function giveUp({ store, clock }: Pipeline, plan: Plan, shard: number, dispatches: number, jobs: readonly Job[], tally: Tally): Promise<void> {
  const known = await shardOutcomes(store, plan, shard, dispatches);
  const missing = (await shardItems(store, plan, shard)).filter(({ work }) => !known.has(work));
  const reasons = reasonsOf(jobs.filter(({ dispatch }) => shardsOf(dispatch.value).includes(shard)));
  const failure: Failure = { code: "worker.unfinished", message: `Expected a worker to finish this image but none did${reasons.length > 0 ? `: ${reasons.join("; ")}` : ""}` };
  const finishedAt = clock.now().toISOString();
  const settled: Outcome[] = [];
  for (const item of missing) {
    settled.push((await foundResult({ store }, plan, item))
      ?? { status: "failed", work: item.work, key: item.key, ...(item.label === undefined ? {} : { label: item.label }), finishedAt, seconds: 0, failure });
  }
  const key = rollUpKey(plan.batch, plan.run, Math.max(0, dispatches - 1), shard);
  const before = await readRollUp(store, key);
  await writeRollUp(store, key, mergeOutcomes(before?.outcomes ?? new Map(), settled), before?.etag);
  for (const one of settled) tally.add(one);
}

async function foundResult({ store }: Pick<Pipeline, "store">, plan: Plan, item: WorkItem): Promise<Outcome | undefined> {
  const found = await readDocument(store, resultKey(plan.batch, item.key, item.work), resultDocument);
  return found && succeededFrom(found.value, item, plan);
}

async function closeRun({ store, clock }: Pipeline, { batch, run, ordinal }: Plan, tally: Tally, jobs: readonly Job[]): Promise<void> {
  const closed: RunSummary = {
    schemaVersion: 1, batch, run, ordinal, closedAt: clock.now().toISOString(),
    counts: tally.counts, skippedBy: tally.skippedBy, dispatches: jobs.length, seconds: tally.seconds, notes: reasonsOf(jobs),
  };
  await createDocument(store, runSummaryKey(batch, run), closed);
}

async function finishPublishing(pipeline: Pipeline, { batch, run }: Plan, state: "collected" | "already-collected" = "already-collected"): Promise<CollectOutcome> {
  const news = state === "collected" || !(await isPublished(pipeline.store, batch, run));
  // Before publishing, which is what shows a later collector that nothing is left to do.
  if (news) await lookForReturned(pipeline, batch, run);
  const summary = news ? await publishBatch(pipeline, batch) : undefined;
  if (summary) await attempt(() => pipeline.notices.publish(`Batch ${batch} is done`, noticeOf(summary)));
  await closeIfDone(pipeline, batch);
  return { state, summary };
}

/** Images that changed or went during the run may be back as they were: worth one more listing, where events are followed. */
async function lookForReturned(pipeline: Pipeline, batch: BatchName, run: RunId): Promise<void> {
  const closed = await readRunSummary(pipeline.store, batch, run);
  const gaps = (closed?.skippedBy["superseded"] ?? 0) + (closed?.skippedBy["deleted"] ?? 0);
  if (gaps > 0 && (await readActivity(pipeline, batch))) await touch(pipeline, batch, pipeline.policy.idleSeconds);
}

const itemsIn = ({ items, itemsPerShard }: Plan, shard: number): number => Math.min(itemsPerShard, items - shard * itemsPerShard);
const reasonsOf = (jobs: readonly Job[]): string[] => [...new Set(jobs.flatMap(({ facts }) => (facts?.state === "failed" && facts.reason ? [facts.reason] : [])))];

function noticeOf({ counts, failures, failuresLeftOut, classCounts }: Summary): string {
  const classes = Object.entries(classCounts).map(([name, count]) => `  ${name}: ${count}`);
  const failed = failures.slice(0, 10).map(({ key, failure }) => `  ${JSON.stringify(key)}: ${failure.message}`);
  const more = failures.length - failed.length + failuresLeftOut;
  return [
    `${counts.succeeded} of ${counts.planned} images succeeded, ${counts.failed} failed, ${counts.skipped} were skipped.`,
    ...(classes.length > 0 ? ["Classes:", ...classes] : []),
    ...(failed.length > 0 ? ["Failures:", ...failed, ...(more > 0 ? [`  and ${more} more`] : [])] : []),
  ].join("\n");
}
