import { canonicalJson } from "../../contract/digests";
import { compareKeys, type ObjectKey, type WorkId } from "../../contract/names";
import type { Plan, WorkItem } from "../../contract/plan";
import type { RunSummary } from "../../contract/summary";
import type { ObjectStore } from "../../storage/object-store";
import { readPage, shardOutcomes, type Outcomes } from "../../bucket/outcomes";
import { howMany, readDispatches, readRunSummary } from "../../bucket/runs";

/**
 * What earlier runs of a batch have done, or are about to do. It walks their items in key order beside the listing,
 * so that a page and a shard of each run are in memory, however large the batch.
 */
export class EarlierWork {
  /** @param walks newest first */
  private constructor(private readonly walks: readonly RunWalk[]) {}

  /**
   * Only runs since the newest that did something else to the images are looked at: were settings changed and changed back,
   * a new run shows people the results that are there under them.
   * @param plans oldest first
   */
  static async open(store: ObjectStore, plans: readonly Plan[], wanted: Wanted): Promise<EarlierWork> {
    const walks: RunWalk[] = [];
    const newestOther = plans.findLastIndex((plan) => !isSameWork(plan, wanted));
    for (const plan of plans.slice(newestOther + 1).toReversed()) {
      const summary = await readRunSummary(store, plan.batch, plan.run);
      const mustBeLookedUp = summary !== undefined && !isWhole(summary);
      const dispatches = mustBeLookedUp ? howMany(await readDispatches(store, plan.batch, plan.run)) : undefined;
      walks.push(new RunWalk(store, plan, dispatches));
    }
    return new EarlierWork(walks);
  }

  /**
   * Whether the work is done or in a live run, as the newest run with the image has it, for that is what people are shown:
   * an image that changed and changed back is worked on again, which finds its result there.
   * Keys must be asked for in listing order.
   */
  async standing(key: ObjectKey, work: WorkId): Promise<Standing> {
    for (const walk of this.walks) {
      const found = await walk.standing(key, work);
      if (found) return found;
    }
    return "open";
  }
}

/** What is done to each image. */
export interface Wanted extends Pick<Plan, "settings" | "engineVersion"> {
  readonly model: Pick<Plan["model"], "sha256">;
}

/** Whether a plan does the same to an image. */
export const isSameWork = (plan: Plan, other: Wanted): boolean =>
  plan.model.sha256 === other.model.sha256 &&
  plan.engineVersion === other.engineVersion &&
  canonicalJson(plan.settings) === canonicalJson(other.settings);

/** "covered": done, or in a live run. "failed": tried before. "open": not planned as it is, or skipped because it was otherwise. */
export type Standing = "covered" | "failed" | "open";

/** Every image was done, by this run or before. */
const isWhole = ({ counts, skippedBy }: RunSummary): boolean =>
  counts.failed === 0 && counts.skipped === (skippedBy["already-done"] ?? 0);

class RunWalk {
  private page = -1;
  private items: readonly WorkItem[] = [];
  private at = 0;
  private shard = -1;
  private outcomes: Outcomes = new Map();

  /** @param dispatches of a run whose outcomes differ; undefined when all its work is done, or about to be */
  constructor(
    private readonly store: ObjectStore,
    private readonly plan: Plan,
    private readonly dispatches: number | undefined,
  ) {}

  /** Undefined when the run has no such image. */
  async standing(key: ObjectKey, work: WorkId): Promise<Standing | undefined> {
    let standing: Standing | undefined;
    for (let item = await this.current(); item && compareKeys(item.key, key) <= 0; item = await this.current()) {
      if (item.work === work) return this.dispatches === undefined ? "covered" : this.ended(work, this.dispatches);
      if (item.key === key) standing = "open";
      this.at++;
    }
    return standing;
  }

  private async current(): Promise<WorkItem | undefined> {
    while (this.at >= this.items.length && (this.page + 1) * this.plan.itemsPerPage < this.plan.items) {
      this.page++;
      this.at = 0;
      this.items = await readPage(this.store, this.plan, this.page);
    }
    return this.items[this.at];
  }

  private async ended(work: WorkId, dispatches: number): Promise<Standing> {
    const shard = Math.floor((this.page * this.plan.itemsPerPage + this.at) / this.plan.itemsPerShard);
    if (shard !== this.shard) {
      this.outcomes = await shardOutcomes(this.store, this.plan, shard, dispatches);
      this.shard = shard;
    }
    const found = this.outcomes.get(work);
    // What a person cancelled is no news: it waits for another reason to be planned, as what failed does.
    if (found?.status === "skipped" && found.reason !== "cancelled")
      return found.reason === "already-done" ? "covered" : "open";
    return found?.status === "succeeded" ? "covered" : "failed";
  }
}
