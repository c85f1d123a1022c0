import { prefetch } from "../../concurrency/prefetch";
import { compareKeys } from "../../contract/names";
import type { Outcome } from "../../contract/outcome";
import type { Plan } from "../../contract/plan";
import type { ObjectStore } from "../../storage/object-store";
import { inKeyOrder, shardOutcomes } from "../../bucket/outcomes";
import type { BatchRow } from "../ports";
import { howMany, readDispatches } from "../../bucket/runs";

/** Shards whose roll-ups are prefetched: a million images are thousands of small objects. */
const prefetchedShards = 31;

/** Each image of a batch once, in key order, as its finished runs together tell it. */
export async function* batchRows(store: ObjectStore, plans: readonly Plan[]): AsyncGenerator<BatchRow> {
  const streams = plans.map((plan) => new Stream(runRows(store, plan)));
  for (;;) {
    const heads = await Promise.all(streams.map((stream) => stream.head()));
    const key = heads.reduce<string | undefined>(
      (least, row) =>
        row && (least === undefined || compareKeys(row.outcome.key, least) < 0) ? row.outcome.key : least,
      undefined,
    );
    if (key === undefined) return;
    const ofImage: BatchRow[] = [];
    for (const stream of streams) {
      for (let row = await stream.head(); row?.outcome.key === key; row = await stream.head()) {
        ofImage.push(row);
        stream.advance();
      }
    }
    const decided = decide(ofImage);
    if (decided) yield decided;
  }
}

/** The newest run decides; where it found the work already done, the run that did it. */
function decide(rows: readonly BatchRow[]): BatchRow | undefined {
  const newest = rows.reduce<BatchRow | undefined>(
    (best, row) => (best && best.ordinal > row.ordinal ? best : row),
    undefined,
  );
  if (newest?.outcome.status !== "skipped" || newest.outcome.reason !== "already-done") return newest;
  return rows.find(({ outcome }) => outcome.status === "succeeded" && outcome.work === newest.outcome.work) ?? newest;
}

async function* runRows(store: ObjectStore, plan: Plan): AsyncGenerator<BatchRow> {
  for await (const outcomes of runOutcomes(store, plan)) {
    for (const outcome of outcomes) yield { outcome, run: plan.run, ordinal: plan.ordinal };
  }
}

/** Shard after shard, each in key order. */
export async function* runOutcomes(store: ObjectStore, plan: Plan): AsyncGenerator<Outcome[]> {
  const dispatches = howMany(await readDispatches(store, plan.batch, plan.run));
  yield* prefetch(Array(plan.shards).keys(), prefetchedShards, async (shard) =>
    inKeyOrder(await shardOutcomes(store, plan, shard, dispatches)),
  );
}

class Stream {
  private taken: BatchRow | undefined;
  private ended = false;

  constructor(private readonly rows: AsyncGenerator<BatchRow>) {}

  async head(): Promise<BatchRow | undefined> {
    if (!this.taken && !this.ended) {
      const next = await this.rows.next();
      if (next.done) this.ended = true;
      else this.taken = next.value;
    }
    return this.taken;
  }

  advance(): void {
    this.taken = undefined;
  }
}
