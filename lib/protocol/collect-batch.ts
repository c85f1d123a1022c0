import { prefetch } from "../concurrency/prefetch";
import { requireDocument } from "../bucket/documents";
import { howMany, readRunSummary, shardsOf } from "../bucket/runs";
import type { BatchName, RunId } from "../contract/names";
import { planKey } from "../contract/object-keys";
import { plan as planDocument, type Plan } from "../contract/plan";
import type { Summary } from "../contract/summary";
import { closeIfDone } from "./close-batch";
import { closeRun, countOutcomes, endShard, readsAtOnce, unfinishedBy } from "./collecting/close-run";
import { noticeOf } from "./collecting/notice";
import { isPublished, publishBatch } from "./collecting/publish-batch";
import { lastJobs, machineSeconds, readJobs, type RunJob } from "./collecting/run-jobs";
import { readActivity, touch } from "./planning/activity";
import { dispatchAgain, ensureDispatched } from "./planning/dispatch-run";
import { attempt, type Pipeline } from "./ports";

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
  const { tally, unfinished, busy } = await countOutcomes(store, plan, dispatches);
  if (unfinished.length > 0) {
    if (jobs.length === 0 || jobs.some(({ isLive }) => isLive))
      return { state: "running", finishedItems: tally.counts.planned, items: plan.items };
    if (await tryAgain(pipeline, plan, jobs, unfinished))
      return { state: "dispatched-again", shards: unfinished.length };
    const last = lastJobs(jobs);
    const end = (shard: number): Promise<void> =>
      endShard(pipeline, plan, shard, dispatches, unfinishedBy(jobs, shard, last.get(shard)), tally);
    for await (const _ of prefetch(unfinished, readsAtOnce - 1, end));
  }
  await closeRun(pipeline, plan, tally, jobs, (await machineSeconds(pipeline, jobs)) ?? busy);
  return finishPublishing(pipeline, plan, "collected");
}

/** False when every try is spent, or would be in vain. A claim that was never submitted, or a job the queue has forgotten, was no try. */
async function tryAgain(
  pipeline: Pipeline,
  plan: Plan,
  jobs: readonly RunJob[],
  unfinished: readonly number[],
): Promise<boolean> {
  if (jobs.some(({ dispatch }) => dispatch.value.jobId === null)) {
    await ensureDispatched(pipeline, plan);
    const stranded = jobs.filter(({ dispatch }) => dispatch.value.jobId === null && dispatch.value.number > 0);
    for (const { dispatch } of stranded)
      await dispatchAgain(pipeline, plan, dispatch.value.number, shardsOf(dispatch.value), dispatch.value.queue);
    return true;
  }
  const spent = new Set(jobs.filter(({ facts }) => facts !== undefined).map(({ dispatch }) => dispatch.value.number));
  if (spent.size >= tries) return false;
  // What a person stopped stays stopped, and what no machine mends is not paid for twice.
  const last = lastJobs(jobs);
  const worthwhile = unfinished.filter((shard) => last.get(shard)?.facts?.noRetry === undefined);
  if (worthwhile.length === 0) return false;
  await dispatchAgain(pipeline, plan, howMany(jobs.map(({ dispatch }) => dispatch)), worthwhile);
  return true;
}

async function finishPublishing(
  pipeline: Pipeline,
  { batch, run }: Plan,
  state: "collected" | "already-collected" = "already-collected",
): Promise<CollectOutcome> {
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
