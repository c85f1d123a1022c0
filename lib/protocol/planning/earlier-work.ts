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
  private constructor(private readonly walks: readonly RunWalk[]) {}

  static async open(
    store: ObjectStore,
    plans: readonly Plan[],
    settings: Settings,
    modelSha256: Sha256,
  ): Promise<EarlierWork> {
    const walks: RunWalk[] = [];
    for (const plan of plans) {
      const same =
        plan.model.sha256 === modelSha256 &&
        plan.engineVersion === engineVersion &&
        canonicalJson(plan.settings) === canonicalJson(settings);
      if (!same) continue;
      const live = (await readRunSummary(store, plan.batch, plan.run)) === undefined;
      walks.push(new RunWalk(store, plan, live, live ? 0 : howMany(await readDispatches(store, plan.batch, plan.run))));
    }
    return new EarlierWork(walks);
  }

  /** Whether the work is done or in a live run. Keys must be asked for in listing order. */
  async standing(key: ObjectKey, work: WorkId): Promise<Standing> {
    let standing: Standing = "open";
    for (const walk of this.walks) {
      const found = await walk.standing(key, work);
      if (found === "covered") return found;
      if (found === "failed") standing = found;
    }
    return standing;
  }
}

/** "covered": done, or in a live run. "failed": tried before. "open": never planned, or skipped because the image was not as planned. */
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

  async standing(key: ObjectKey, work: WorkId): Promise<Standing> {
    for (let item = await this.current(); item && compareKeys(item.key, key) <= 0; item = await this.current()) {
      if (item.work === work) return this.live ? "covered" : this.ended(work);
      this.at++;
    }
    return "open";
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
    if (found?.status === "skipped") return found.reason === "already-done" ? "covered" : "open";
    return found?.status === "succeeded" ? "covered" : "failed";
  }
}
