import { batchName, type BatchName } from "../contract/names";
import {
  activityKey,
  batchRunsPrefix,
  closedMarkerKey,
  incomingBatchPrefix,
  incomingObject,
  incomingPrefix,
  runsPrefix,
} from "../contract/object-keys";
import { closedMarker } from "../contract/planning";
import type { Plan } from "../contract/plan";
import { listAll, type ListPage, type ObjectStore } from "../storage/object-store";
import { readActivity, scheduleTick, tickIsPending, touch } from "./planning/activity";
import { closeIfDone } from "./close-batch";
import { compareListing } from "./planning/compare-listing";
import { collectBatch } from "./collect-batch";
import { hasUnknownImages, isArchived } from "./archived";
import { isPublished } from "./collecting/publish-batch";
import { ensureDispatched } from "./planning/dispatch-run";
import { readDocument, updateDocument } from "../bucket/documents";
import type { Pipeline } from "./ports";
import { readPlans, readRunSummary } from "../bucket/runs";

export interface ReconcileReport {
  readonly looked: number;
  /** Batches for which something was left to do, with what was done. */
  readonly mended: readonly { readonly batch: string; readonly what: string }[];
  /** Batches that could not be looked at; the others were. */
  readonly failed: readonly { readonly batch: string; readonly error: unknown }[];
}

/** A closed batch is compared with the bucket once, this long after, when every late event should have arrived. */
const verifyAfterMilliseconds = 3600 * 1000;

/** Finds what lost hints and killed processes left behind: batches no one noted, ticks that never came, runs not dispatched, not collected. */
export async function reconcile(pipeline: Pipeline): Promise<ReconcileReport> {
  const mended: { batch: string; what: string }[] = [];
  const failed: { batch: string; error: unknown }[] = [];
  let looked = 0;
  for (const batch of await batchesToLookAt(pipeline.store)) {
    looked++;
    try {
      for (const what of await mend(pipeline, batch)) mended.push({ batch, what });
    } catch (error) {
      failed.push({ batch, error });
    }
  }
  return { looked, mended, failed };
}

/** Every batch under incoming/, and every one with a run of its own. */
async function batchesToLookAt(store: ObjectStore): Promise<BatchName[]> {
  const names = new Set<string>();
  for (const prefix of [incomingPrefix, runsPrefix]) {
    let continuation: string | undefined;
    do {
      const page: ListPage = await store.listPage(prefix, {
        delimiter: "/",
        ...(continuation === undefined ? {} : { continuation }),
      });
      for (const folder of page.prefixes) names.add(folder.slice(prefix.length, -1));
      continuation = page.continuation;
    } while (continuation !== undefined);
  }
  return [...names].flatMap((name) => {
    const parsed = batchName.safeParse(name);
    return parsed.success ? [parsed.data] : [];
  });
}

async function mend(pipeline: Pipeline, batch: BatchName): Promise<string[]> {
  const { store, clock } = pipeline;
  const facts = new Map(
    (await store.listPage(batchRunsPrefix(batch), { delimiter: "/" })).objects.map((object) => [
      object.key,
      object.lastModified,
    ]),
  );
  const touchedAt = facts.get(activityKey(batch));
  const closedAt = facts.get(closedMarkerKey(batch));
  if (closedAt && (!touchedAt || closedAt > touchedAt)) return verify(pipeline, batch);
  const activity = await readActivity({ store }, batch);
  const plans = await readPlans(store, batch);
  if (!activity && plans.length === 0) {
    if ((await isArchived(store, batch)) || !(await hasUnknownImages(store, batch, clock.now()))) return [];
    await touch(pipeline, batch, pipeline.policy.idleSeconds);
    return ["its events were lost: noted, and looked at once it is still"];
  }
  const done: string[] = [];
  const unlisted =
    activity && (activity.drafting !== null || activity.listedAt === null || activity.lastEventAt >= activity.listedAt);
  if (activity && unlisted && !tickIsPending(activity, clock.now())) {
    await scheduleTick(pipeline, batch, 0);
    done.push("its tick was lost: looked at now");
  }
  for (const plan of plans) done.push(...(await mendRun(pipeline, plan)));
  const outcome = await closeIfDone(pipeline, batch);
  if (outcome === "changed") done.push(noLongerAsPlanned);
  if (outcome === "closed") done.push(...(await verify(pipeline, batch)));
  return done;
}

async function mendRun(pipeline: Pipeline, plan: Plan): Promise<string[]> {
  const finished = (await readRunSummary(pipeline.store, plan.batch, plan.run)) !== undefined;
  // Its summary has expired before its plan: the results tell of it, so nothing is left to do.
  if (!finished && (await isPublished(pipeline.store, plan.batch, plan.run))) return [];
  if (!finished) await ensureDispatched(pipeline, plan);
  const { state } = await collectBatch(pipeline, plan.batch, plan.run);
  if (state === "dispatched-again") return [`run ${plan.run} had unfinished shards: dispatched again`];
  return state === "collected" ? [`run ${plan.run} was finished but not collected: collected`] : [];
}

const noLongerAsPlanned = "it no longer lists as it was planned: noted, and looked at once it is still";

/** Once an hour has passed, a closed batch must list as it did when it was last planned; if not, an event was lost. */
async function verify(pipeline: Pipeline, batch: BatchName): Promise<string[]> {
  const { store, clock } = pipeline;
  const closed = (await readDocument(store, closedMarkerKey(batch), closedMarker))?.value;
  if (!closed || closed.verified || clock.now().getTime() - Date.parse(closed.closedAt) < verifyAfterMilliseconds)
    return [];
  const activity = await readActivity({ store }, batch);
  const newest = (await readPlans(store, batch)).at(-1);
  if ((await compareListing(store, batch, { activity, newest })) === "changed") {
    // The marker stays as it is: were this process killed here, the next one would compare again.
    await touch(pipeline, batch, pipeline.policy.idleSeconds);
    return [noLongerAsPlanned];
  }
  await updateDocument(
    pipeline,
    closedMarkerKey(batch),
    closedMarker,
    (before) => before && { ...before, verified: true },
  );
  // Beside a long listing an event may have been noted, and the marker is now newer than that note.
  const noted = await readActivity({ store }, batch);
  if (noted && noted.lastEventAt !== closed.lastEventAt) await touch(pipeline, batch, pipeline.policy.idleSeconds);
  return [];
}
