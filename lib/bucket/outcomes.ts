import { EnvironmentError } from "../contract/errors";
import { compareKeys, type ObjectKey, type WorkId } from "../contract/names";
import { draftPageKey, rollUpKey } from "../contract/object-keys";
import { outcome, type Outcome } from "../contract/outcome";
import { workItem, type Plan, type WorkItem } from "../contract/plan";
import type { ObjectStore } from "../storage/object-store";
import { compareAndSwap, type SharedBucket } from "./compare-and-swap";
import { parseDocument } from "./documents";
import { readIfPresent, writeIfUnchanged } from "./objects";

export type Outcomes = Map<WorkId, Outcome>;

/** The items of one shard, in key order; read from the one or two pages of the draft that hold them. */
export async function shardItems(store: ObjectStore, plan: Plan, shard: number): Promise<WorkItem[]> {
  const first = shard * plan.itemsPerShard;
  const end = Math.min(first + plan.itemsPerShard, plan.items);
  const items: WorkItem[] = [];
  for (let page = Math.floor(first / plan.itemsPerPage); page * plan.itemsPerPage < end; page++) {
    const start = page * plan.itemsPerPage;
    const lines = (await readPage(store, plan, page)).slice(Math.max(0, first - start), end - start);
    items.push(...lines);
  }
  if (items.length !== Math.max(0, end - first)) {
    throw new EnvironmentError(
      "plan.damaged",
      `Expected ${end - first} items in shard ${shard} of run ${plan.run} but the draft holds ${items.length}`,
    );
  }
  return items;
}

export async function readPage(
  store: ObjectStore,
  plan: Pick<Plan, "batch" | "draft">,
  page: number,
): Promise<WorkItem[]> {
  const key = draftPageKey(plan.batch, plan.draft, page);
  const { body } = await store.read(key);
  return linesOf(body).map((line) => parseDocument(key, line, workItem));
}

/** What has become of a shard's items, over all dispatches that worked on it. */
export async function shardOutcomes(
  store: ObjectStore,
  plan: Plan,
  shard: number,
  dispatches: number,
): Promise<Outcomes> {
  const merged: Outcomes = new Map();
  for (let number = 0; number < dispatches; number++) {
    const found = await readRollUp(store, rollUpKey(plan.batch, plan.run, number, shard));
    if (found) mergeOutcomes(merged, found.outcomes.values());
  }
  return merged;
}

export async function readRollUp(
  store: ObjectStore,
  key: ObjectKey,
): Promise<{ outcomes: Outcomes; etag: string } | undefined> {
  const found = await readIfPresent(store, key);
  if (!found) return undefined;
  const lines = linesOf(found.body).map((line) => parseDocument(key, line, outcome));
  return { outcomes: mergeOutcomes(new Map(), lines), etag: found.facts.etag };
}

/**
 * Two copies of a shard, or a second try, may say different things of an item; one is kept:
 * a success over anything, a skip over a failure, of two failures the later.
 */
export function mergeOutcomes(into: Outcomes, more: Iterable<Outcome>): Outcomes {
  for (const next of more) {
    const known = into.get(next.work);
    if (
      !known ||
      rank(next) > rank(known) ||
      (next.status === "failed" && known.status === "failed" && next.finishedAt > known.finishedAt)
    )
      into.set(next.work, next);
  }
  return into;
}

const rank = ({ status }: Outcome): number => ({ failed: 0, skipped: 1, succeeded: 2 })[status];

/** Writes a shard's outcomes together with what another copy of the shard may have written since `etag`. Answers the new ETag. */
export async function writeRollUp(
  bucket: SharedBucket,
  key: ObjectKey,
  outcomes: Outcomes,
  etag: string | undefined,
): Promise<string> {
  const { store } = bucket;
  let expected = etag;
  return compareAndSwap(bucket, `write ${JSON.stringify(key)}`, async () => {
    const written = await writeIfUnchanged(store, key, expected, encodeOutcomes(outcomes), "application/x-ndjson");
    if (written !== undefined) return { done: written };
    const found = await readRollUp(store, key);
    if (found) mergeOutcomes(outcomes, found.outcomes.values());
    expected = found?.etag;
    return undefined;
  });
}

export const inKeyOrder = (outcomes: Outcomes): Outcome[] =>
  [...outcomes.values()].sort((a, b) => compareKeys(a.key, b.key) || compareKeys(a.work, b.work));

const encodeOutcomes = (outcomes: Outcomes): string =>
  inKeyOrder(outcomes)
    .map((one) => `${JSON.stringify(one)}\n`)
    .join("");
const linesOf = (body: Uint8Array): string[] =>
  Buffer.from(body)
    .toString("utf8")
    .split("\n")
    .filter((line) => line !== "");
