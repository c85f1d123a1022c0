import type { ObjectKey, WorkId } from "../../contract/names";
import type { Outcome } from "../../contract/outcome";
import type { Counts } from "../../contract/summary";
import type { ObjectStore } from "../../storage/object-store";
import { mergeOutcomes, readRollUp, writeRollUp, type Outcomes } from "../../bucket/outcomes";
import type { Clock } from "../../bucket/clock";
import { withRetries } from "../../bucket/retry";
import { Tally } from "../../bucket/tally";

const flushMilliseconds = 20_000;

/** One shard's outcomes, as one object that is written now and then and at the end. */
export class RollUp {
  private flushedAt: number;
  private changed = false;

  private constructor(
    private readonly store: ObjectStore,
    private readonly clock: Clock,
    private readonly key: ObjectKey,
    private readonly earlier: ReadonlyMap<WorkId, Outcome>,
    private readonly outcomes: Outcomes,
    private etag: string | undefined,
  ) {
    this.flushedAt = clock.now().getTime();
  }

  /** @param earlier what dispatches before this one have settled */
  static async open(store: ObjectStore, clock: Clock, key: ObjectKey, earlier: Outcomes): Promise<RollUp> {
    const found = await withRetries(clock, () => readRollUp(store, key));
    return new RollUp(store, clock, key, earlier, found?.outcomes ?? new Map(), found?.etag);
  }

  has(work: WorkId): boolean {
    return this.outcomes.has(work) || this.earlier.has(work);
  }

  get size(): number {
    return this.outcomes.size;
  }

  get counts(): Counts {
    const tally = new Tally();
    for (const outcome of this.outcomes.values()) tally.add(outcome);
    return tally.counts;
  }

  add(outcome: Outcome): void {
    mergeOutcomes(this.outcomes, [outcome]);
    this.changed = true;
  }

  async flushSometimes(): Promise<void> {
    if (this.clock.now().getTime() - this.flushedAt >= flushMilliseconds) await this.flush();
  }

  async flush(): Promise<void> {
    if (!this.changed) return;
    this.changed = false;
    try {
      const { store, clock } = this;
      this.etag = await withRetries(clock, () => writeRollUp({ store, clock }, this.key, this.outcomes, this.etag));
    } catch (error) {
      this.changed = true;
      throw error;
    }
    this.flushedAt = this.clock.now().getTime();
  }
}
