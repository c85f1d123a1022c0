import { canonicalJson } from "../../contract/digests";
import { engineVersion } from "../../contract/engine-version";
import { compareKeys, type ObjectKey, type Sha256, type WorkId } from "../../contract/names";
import type { Plan, WorkItem } from "../../contract/plan";
import type { Settings } from "../../contract/settings";
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
  static async open(
    store: ObjectStore,
    plans: readonly Plan[],
    settings: Settings,
    modelSha256: Sha256,
  ): Promise<EarlierWork> {
    const walks: RunWalk[] = [];
    const newestOther = plans.findLastIndex((plan) => !isSameWork(plan, settings, modelSha256));
    for (const plan of plans.slice(newestOther + 1).toReversed()) {
      const live = (await readRunSummary(store, plan.batch, plan.run)) === undefined;
      walks.push(new RunWalk(store, plan, live, live ? 0 : howMany(await readDispatches(store, plan.batch, plan.run))));
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

/** Whether this version of the engine would do the same to an image as the plan does. */
export const isSameWork = (plan: Plan, settings: Settings, modelSha256: Sha256): boolean =>
  plan.model.sha256 === modelSha256 &&
  plan.engineVersion === engineVersion &&
  canonicalJson(plan.settings) === canonicalJson(settings);

/** "covered": done, or in a live run. "failed": tried before. "open": not planned as it is, or skipped because it was otherwise. */
export type Standing = "covered" | "failed" | "open";

class RunWalk {
  private page = -1;
  private items: readonly WorkItem[] = [];
  private at = 0;
  private shard = -1;
  private outcomes: Outcomes = new Map();

  constructor(
    private readonly store: ObjectStore,
    private readonly plan: Plan,
    private readonly live: boolean,
    private readonly dispatches: number,
  ) {}

  /** Undefined when the run has no such image. */
  async standing(key: ObjectKey, work: WorkId): Promise<Standing | undefined> {
    let standing: Standing | undefined;
    for (let item = await this.current(); item && compareKeys(item.key, key) <= 0; item = await this.current()) {
      if (item.work === work) return this.live ? "covered" : this.ended(work);
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

  private async ended(work: WorkId): Promise<Standing> {
    const shard = Math.floor((this.page * this.plan.itemsPerPage + this.at) / this.plan.itemsPerShard);
    if (shard !== this.shard) {
      this.outcomes = await shardOutcomes(this.store, this.plan, shard, this.dispatches);
      this.shard = shard;
    }
    const found = this.outcomes.get(work);
    // What a person cancelled is no news: it waits for another reason to be planned, as what failed does.
    if (found?.status === "skipped" && found.reason !== "cancelled")
      return found.reason === "already-done" ? "covered" : "open";
    return found?.status === "succeeded" ? "covered" : "failed";
  }
}
