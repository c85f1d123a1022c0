import type { BatchName, RunId } from "../contract/names";
import {
  dispatchKey,
  dispatchPrefix,
  ordinalKey,
  ordinalsPrefix,
  planKey,
  runSummaryKey,
} from "../contract/object-keys";
import { dispatch, plan, type Dispatch, type Plan } from "../contract/plan";
import { ordinalClaim, type OrdinalClaim } from "../contract/planning";
import { runSummary, type RunSummary } from "../contract/summary";
import { listAll, type ObjectStore } from "../storage/object-store";
import { compareAndSwap, type SharedBucket } from "./compare-and-swap";
import { createDocument, readDocument, requireDocument, type Stored } from "./documents";

/** The runs of a batch that were claimed, oldest first; a claim may have no plan yet, or never. */
async function readClaims(store: ObjectStore, batch: BatchName): Promise<OrdinalClaim[]> {
  const claims: OrdinalClaim[] = [];
  for await (const { key } of listAll(store, ordinalsPrefix(batch)))
    claims.push(await requireDocument(store, key, ordinalClaim));
  return claims;
}

/** The planned runs of a batch, oldest first. */
export async function readPlans(store: ObjectStore, batch: BatchName): Promise<Plan[]> {
  const plans: Plan[] = [];
  for (const { run } of await readClaims(store, batch)) {
    const found = await readDocument(store, planKey(batch, run), plan);
    if (found) plans.push(found.value);
  }
  return plans;
}

/** The run's place among the batch's runs: the one it has, or the next that is free. */
export async function claimOrdinal(bucket: SharedBucket, batch: BatchName, run: RunId): Promise<number> {
  const { store } = bucket;
  return compareAndSwap(bucket, `give run ${run} a place in batch ${batch}`, async () => {
    const claims = await readClaims(store, batch);
    const mine = claims.find((claim) => claim.run === run);
    if (mine) return { done: mine.ordinal };
    const ordinal = (claims.at(-1)?.ordinal ?? 0) + 1;
    const claim = { schemaVersion: 1, batch, ordinal, run };
    return (await createDocument(store, ordinalKey(batch, ordinal), claim)) ? { done: ordinal } : undefined;
  });
}

/** All dispatches of a run, in the order of their numbers and parts. */
export async function readDispatches(store: ObjectStore, batch: BatchName, run: RunId): Promise<Stored<Dispatch>[]> {
  const found: Stored<Dispatch>[] = [];
  for await (const { key } of listAll(store, dispatchPrefix(batch, run))) {
    const one = await readDocument(store, key, dispatch);
    if (one) found.push(one);
  }
  return found.sort((a, b) => a.value.number - b.value.number || a.value.part - b.value.part);
}

export const readDispatch = (
  store: ObjectStore,
  batch: BatchName,
  run: RunId,
  number: number,
  part: number,
): Promise<Stored<Dispatch> | undefined> => readDocument(store, dispatchKey(batch, run, number, part), dispatch);

/** Present once every item of the run has its outcome. */
export const readRunSummary = async (
  store: ObjectStore,
  batch: BatchName,
  run: RunId,
): Promise<RunSummary | undefined> => (await readDocument(store, runSummaryKey(batch, run), runSummary))?.value;

export const shardsOf = ({ shards }: Pick<Dispatch, "shards">): number[] =>
  Array.isArray(shards) ? shards : Array.from({ length: shards.count }, (_, index) => shards.first + index);

export const howMany = (dispatches: readonly Stored<Dispatch>[]): number =>
  1 + Math.max(-1, ...dispatches.map(({ value }) => value.number));
