import { createDocument, readDocument } from "../../bucket/documents";
import { succeededFrom } from "../../bucket/outcome-of-result";
import { mergeOutcomes, readRollUp, shardItems, shardOutcomes, writeRollUp } from "../../bucket/outcomes";
import { shardsOf } from "../../bucket/runs";
import type { Tally } from "../../bucket/tally";
import { resultKey, rollUpKey, runSummaryKey } from "../../contract/object-keys";
import type { KnownFailure, Outcome } from "../../contract/outcome";
import type { Plan, WorkItem } from "../../contract/plan";
import { result as resultDocument } from "../../contract/result";
import type { RunSummary } from "../../contract/summary";
import type { Pipeline } from "../ports";
import { reasonsOf, type RunJob } from "./run-jobs";

/** Items no worker finished: those whose result is there all the same are done, the others failed. */
export async function giveUp(
  { store, clock }: Pipeline,
  plan: Plan,
  shard: number,
  dispatches: number,
  jobs: readonly RunJob[],
  tally: Tally,
): Promise<void> {
  const known = await shardOutcomes(store, plan, shard, dispatches);
  const missing = (await shardItems(store, plan, shard)).filter(({ work }) => !known.has(work));
  const reasons = reasonsOf(jobs.filter(({ dispatch }) => shardsOf(dispatch.value).includes(shard)));
  const failure: KnownFailure = {
    code: "worker.unfinished",
    message: `Expected a worker to finish this image but none did${reasons.length > 0 ? `: ${reasons.join("; ")}` : ""}`,
  };
  const finishedAt = clock.now().toISOString();
  const settled: Outcome[] = [];
  for (const item of missing) {
    settled.push(
      (await foundResult({ store }, plan, item)) ?? {
        status: "failed",
        work: item.work,
        key: item.key,
        ...(item.label === undefined ? {} : { label: item.label }),
        finishedAt,
        seconds: 0,
        failure,
      },
    );
  }
  const key = rollUpKey(plan.batch, plan.run, Math.max(0, dispatches - 1), shard);
  const before = await readRollUp(store, key);
  await writeRollUp({ store, clock }, key, mergeOutcomes(before?.outcomes ?? new Map(), settled), before?.etag);
  for (const one of settled) tally.add(one);
}

async function foundResult(
  { store }: Pick<Pipeline, "store">,
  plan: Plan,
  item: WorkItem,
): Promise<Outcome | undefined> {
  const found = await readDocument(store, resultKey(plan.batch, item.key, item.work), resultDocument);
  return found && succeededFrom(found.value, item, plan);
}

/** Puts on record that every item of the run has its outcome. */
export async function closeRun(
  { store, clock }: Pipeline,
  { batch, run, ordinal }: Plan,
  tally: Tally,
  jobs: readonly RunJob[],
): Promise<void> {
  const closed: RunSummary = {
    schemaVersion: 1,
    batch,
    run,
    ordinal,
    closedAt: clock.now().toISOString(),
    counts: tally.counts,
    skippedBy: tally.skippedBy,
    dispatches: jobs.length,
    seconds: tally.seconds,
    notes: reasonsOf(jobs),
  };
  await createDocument(store, runSummaryKey(batch, run), closed);
}
