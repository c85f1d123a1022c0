import { busySeconds } from "../../bucket/busy-seconds";
import { createDocument, readDocument } from "../../bucket/documents";
import { succeededFrom } from "../../bucket/outcome-of-result";
import { mergeOutcomes, readRollUp, shardItems, shardOutcomes, writeRollUp } from "../../bucket/outcomes";
import { Tally } from "../../bucket/tally";
import { prefetch } from "../../concurrency/prefetch";
import { resultKey, rollUpKey, runSummaryKey } from "../../contract/object-keys";
import type { KnownFailure, Outcome } from "../../contract/outcome";
import type { Plan, WorkItem } from "../../contract/plan";
import { result as resultDocument } from "../../contract/result";
import type { RunSummary } from "../../contract/summary";
import type { ObjectStore } from "../../storage/object-store";
import type { Pipeline } from "../ports";
import { reasonsFor, reasonsOf, type RunJob } from "./run-jobs";

/** Roll-ups that are read at once: a run of a million images has thousands. */
export const readsAtOnce = 32;

/** What a run's shards have rolled up, the shards that have not ended all their items, and for how long workers were busy. */
export async function countOutcomes(
  store: ObjectStore,
  plan: Plan,
  dispatches: number,
): Promise<{ readonly tally: Tally; readonly unfinished: readonly number[]; readonly busy: number }> {
  const tally = new Tally();
  const unfinished: number[] = [];
  let busy = 0;
  const shards = Array.from({ length: plan.shards }, (_, shard) => shard);
  const read = async (shard: number) => ({ shard, found: await shardOutcomes(store, plan, shard, dispatches) });
  for await (const { shard, found } of prefetch(shards, readsAtOnce - 1, read)) {
    if (found.size < itemsIn(plan, shard)) unfinished.push(shard);
    for (const one of found.values()) tally.add(one);
    busy += busySeconds(found.values());
  }
  return { tally, unfinished, busy };
}

const itemsIn = ({ items, itemsPerShard }: Plan, shard: number): number =>
  Math.min(itemsPerShard, items - shard * itemsPerShard);

/** How items end that no worker finished. */
export type Ending =
  | { readonly status: "failed"; readonly failure: KnownFailure }
  | { readonly status: "skipped"; readonly reason: "superseded" | "cancelled" };

/** The ending for a run of which every try is spent; cancelled where a person stopped the last. */
export function unfinishedBy(jobs: readonly RunJob[], shard: number, last: RunJob | undefined): Ending {
  if (last?.facts?.noRetry === "stopped") return { status: "skipped", reason: "cancelled" };
  const reasons = reasonsFor(jobs, shard);
  return {
    status: "failed",
    failure: {
      code: "worker.unfinished",
      message: `Expected a worker to finish this image but none did${reasons.length > 0 ? `: ${reasons.join("; ")}` : ""}`,
    },
  };
}

/** Ends a shard's items that no worker finished: those whose result is there all the same are done. */
export async function endShard(
  { store, clock }: Pick<Pipeline, "store" | "clock">,
  plan: Plan,
  shard: number,
  dispatches: number,
  ending: Ending,
  tally: Tally,
): Promise<void> {
  const known = await shardOutcomes(store, plan, shard, dispatches);
  const missing = (await shardItems(store, plan, shard)).filter(({ work }) => !known.has(work));
  const finishedAt = clock.now().toISOString();
  const settled: Outcome[] = [];
  for (const item of missing) {
    const { work, key, label } = item;
    settled.push(
      (await foundResult({ store }, plan, item)) ?? {
        ...ending,
        work,
        key,
        ...(label === undefined ? {} : { label }),
        finishedAt,
        seconds: 0,
      },
    );
  }
  const where = rollUpKey(plan.batch, plan.run, Math.max(0, dispatches - 1), shard);
  const before = await readRollUp(store, where);
  await writeRollUp({ store, clock }, where, mergeOutcomes(before?.outcomes ?? new Map(), settled), before?.etag);
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
  { store, clock }: Pick<Pipeline, "store" | "clock">,
  { batch, run, ordinal }: Plan,
  tally: Tally,
  jobs: readonly RunJob[],
  seconds: number,
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
    seconds,
    notes: reasonsOf(jobs),
  };
  await createDocument(store, runSummaryKey(batch, run), closed);
}
