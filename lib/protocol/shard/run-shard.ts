import { CytolensError, EnvironmentError, TransientError } from "../../contract/errors";
import { planKey, rollUpKey, suspectKey } from "../../contract/object-keys";
import type { KnownFailure } from "../../contract/outcome";
import { plan as planDocument, type Dispatch } from "../../contract/plan";
import type { Counts } from "../../contract/summary";
import type { WorkerTask } from "../../contract/worker-environment";
import type { ObjectStore } from "../../storage/object-store";
import { describeError } from "../../bucket/describe-error";
import { requireDocument } from "../../bucket/documents";
import { shardItems, shardOutcomes } from "../../bucket/outcomes";
import { readDispatch, shardsOf } from "../../bucket/runs";
import { Quarantine } from "./quarantine";
import { RollUp } from "./roll-up";
import { ShardAttempt, type ShardWorker } from "./shard-attempt";

export type ShardTask = Pick<WorkerTask, "batch" | "run" | "number" | "part" | "index" | "attempt">;

export type ShardOutcome =
  | { readonly state: "finished" | "interrupted"; readonly counts: Counts }
  /** All is done but for images that killed workers: machines that are never taken away try them once more. */
  | { readonly state: "quarantined"; readonly counts: Counts }
  /** Nothing can be computed here, or with this model: every item left was recorded as failed with the reason. */
  | { readonly state: "failed"; readonly failure: KnownFailure; readonly counts: Counts };

/** Works on one shard of a run. May be killed anywhere and started again, and may overlap its own successor. */
export async function runShard(worker: ShardWorker, task: ShardTask): Promise<ShardOutcome> {
  const { store, clock } = worker;
  const { batch, run, number, attempt } = task;
  const plan = await requireDocument(store, planKey(batch, run), planDocument);
  const { shard, queue } = await shardOf(store, task);
  const rollUp = await RollUp.open(
    store,
    clock,
    rollUpKey(batch, run, number, shard),
    await shardOutcomes(store, plan, shard, number),
  );
  const left = (await shardItems(store, plan, shard)).filter(({ work }) => !rollUp.has(work));
  if (left.length === 0) return { state: "finished", counts: rollUp.counts };

  const earlierNote = number > 0 ? suspectKey(batch, run, number - 1, shard) : undefined;
  const quarantine = await Quarantine.open(store, suspectKey(batch, run, number, shard), attempt, earlierNote);
  const thisAttempt = new ShardAttempt(worker, plan, rollUp, quarantine, attempt, queue === "on-demand");
  const ended = await thisAttempt.work(left).then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  const failure = ended && !isPassing(ended.error) ? describeError(ended.error) : undefined;
  if (failure)
    for (const item of left)
      if (!rollUp.has(item.work)) rollUp.add({ status: "failed", ...thisAttempt.identity(item, 0), failure });
  await tidyUp(rollUp, quarantine, ended);
  if (failure) return { state: "failed", failure, counts: rollUp.counts };
  const open = left.filter(({ work }) => !rollUp.has(work));
  const state =
    open.length === 0
      ? "finished"
      : open.every(({ work }) => quarantine.isQuarantined(work))
        ? "quarantined"
        : "interrupted";
  return { state, counts: rollUp.counts };
}

/** Of several errors the first is thrown. */
async function tidyUp(
  rollUp: RollUp,
  quarantine: Quarantine,
  ended: { readonly error: unknown } | undefined,
): Promise<void> {
  try {
    await rollUp.flush();
    await quarantine.clear();
  } catch (error) {
    throw ended ? ended.error : error;
  }
  if (ended && isPassing(ended.error)) throw ended.error;
}

async function shardOf(
  store: ObjectStore,
  { batch, run, number, part, index }: ShardTask,
): Promise<{ shard: number; queue: Dispatch["queue"] }> {
  const dispatch = await readDispatch(store, batch, run, number, part);
  const shard = dispatch && shardsOf(dispatch.value)[index];
  if (!dispatch || shard === undefined)
    throw new EnvironmentError(
      "worker.no-shard",
      `Expected dispatch ${number}-${part} of run ${run} to name a shard at index ${index} but it does not`,
    );
  return { shard, queue: dispatch.value.queue };
}

/** Worth another attempt of the whole shard, as nothing is wrong with the images. */
const isPassing = (error: unknown): boolean => error instanceof TransientError || !(error instanceof CytolensError);
