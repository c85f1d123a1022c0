import type { BatchName } from "../contract/names";
import { activityKey, batchRunsPrefix, closedMarkerKey } from "../contract/object-keys";
import { closedMarker, type ClosedMarker } from "../contract/planning";
import type { Plan } from "../contract/plan";
import { readActivity, scheduleTick, tickIsPending, touch } from "./planning/activity";
import { closeIfDone, mostPages } from "./close-batch";
import { findUnplanned } from "./planning/find-unplanned";
import { collectBatch } from "./collect-batch";
import { hasUnknownImages, isArchived } from "./archived";
import { isPublished } from "./collecting/publish-batch";
import { beginRound, endRound } from "./reconcile-round";
import { prefetch } from "../concurrency/prefetch";
import { ensureDispatched } from "./planning/dispatch-run";
import { readDocument, updateDocument } from "../bucket/documents";
import type { Pipeline } from "./ports";
import { readPlans, readRunSummary } from "../bucket/runs";

export interface ReconcileReport {
  readonly looked: number;
  /** Batches that were due and for which no time was left: the next round begins with them. */
  readonly left: number;
  /** Batches for which something was left to do, with what was done. */
  readonly mended: readonly { readonly batch: string; readonly what: string }[];
  /** Batches that could not be looked at; the others were. */
  readonly failed: readonly { readonly batch: string; readonly error: unknown }[];
  /** How long the oldest run that is not finished has been planned; 0 without one. */
  readonly oldestRunSeconds: number;
}

const hour = 3600 * 1000;
/**
 * A closed batch is compared with the bucket an hour later, when every late event should have arrived; each hour for two
 * days, unless it is large; and whenever it has grown twice as old as it was when it was compared before.
 */
const hourlyFor = 48 * hour;

/** Batches looked at beside each other: each look waits for the bucket. */
const looksAtOnce = 32;

/** What a look at a batch found. */
interface Look {
  readonly done: readonly string[];
  /** Nothing is left to do, and the bucket was compared since: it need not be looked at every time. */
  readonly settled: boolean;
  /** When the oldest of its runs that are not finished was planned. */
  readonly openSince?: string | undefined;
}

/**
 * Finds what lost hints and killed processes left behind: batches no one noted, ticks that never came, runs not dispatched, not
 * collected. Ends at the policy's deadline; the next round begins where this one ended.
 */
export async function reconcile(pipeline: Pipeline): Promise<ReconcileReport> {
  const { store, clock, policy } = pipeline;
  const round = await beginRound(store);
  const looked = new Map<BatchName, Look>();
  const failed: { batch: string; error: unknown }[] = [];
  const inTime = function* (): Generator<BatchName> {
    for (const batch of round.batches) {
      if (policy.deadline && clock.now() >= policy.deadline) return;
      yield batch;
    }
  };
  const lookAt = async (batch: BatchName): Promise<void> => {
    try {
      looked.set(batch, await mend(pipeline, batch));
    } catch (error) {
      failed.push({ batch, error });
      looked.set(batch, { done: [], settled: false });
    }
  };
  for await (const _ of prefetch(inTime(), looksAtOnce - 1, lookAt));
  await endRound(pipeline, round, looked);
  const found = [...looked.values()];
  const oldest = Math.min(...found.flatMap(({ openSince }) => (openSince === undefined ? [] : Date.parse(openSince))));
  return {
    looked: looked.size,
    left: round.batches.length - looked.size,
    mended: [...looked].flatMap(([batch, { done }]) => done.map((what) => ({ batch, what }))),
    failed,
    oldestRunSeconds: Number.isFinite(oldest) ? Math.max(0, (clock.now().getTime() - oldest) / 1000) : 0,
  };
}

async function mend(pipeline: Pipeline, batch: BatchName): Promise<Look> {
  const { store, clock } = pipeline;
  const facts = new Map(
    (await store.listPage(batchRunsPrefix(batch), { delimiter: "/" })).objects.map((object) => [
      object.key,
      object.lastModified,
    ]),
  );
  const touchedAt = facts.get(activityKey(batch));
  const markedAt = facts.get(closedMarkerKey(batch));
  if (markedAt && (!touchedAt || markedAt > touchedAt)) {
    const closed = (await readDocument(store, closedMarkerKey(batch), closedMarker))?.value;
    const done = closed ? await verify(pipeline, batch, closed, markedAt) : [];
    return { done, settled: done.length === 0 && (closed?.verified ?? false) };
  }
  const activity = await readActivity({ store }, batch);
  const plans = await readPlans(store, batch);
  if (!activity && plans.length === 0) {
    if ((await isArchived(store, batch)) || !(await hasUnknownImages(store, batch, clock.now())))
      return { done: [], settled: true };
    await touch(pipeline, batch, pipeline.policy.idleSeconds);
    return { done: ["its events were lost: noted, and looked at once it is still"], settled: false };
  }
  const done: string[] = [];
  const unlisted =
    activity && (activity.drafting !== null || activity.listedAt === null || activity.lastEventAt >= activity.listedAt);
  if (activity && unlisted && !tickIsPending(activity, clock.now())) {
    await scheduleTick(pipeline, batch, 0);
    done.push("its tick was lost: looked at now");
  }
  let openSince: string | undefined;
  for (const plan of plans) {
    const { what, open } = await mendRun(pipeline, plan);
    done.push(...what);
    if (open) openSince ??= plan.createdAt;
  }
  const outcome = await closeIfDone(pipeline, batch);
  if (outcome === "changed") done.push(holdsUnplanned);
  const closed =
    outcome === "closed" ? (await readDocument(store, closedMarkerKey(batch), closedMarker))?.value : undefined;
  if (closed) done.push(...(await verify(pipeline, batch, closed, markedAt)));
  return { done, settled: false, openSince };
}

async function mendRun(
  pipeline: Pipeline,
  plan: Plan,
): Promise<{ readonly what: readonly string[]; readonly open: boolean }> {
  const finished = (await readRunSummary(pipeline.store, plan.batch, plan.run)) !== undefined;
  // Its summary has expired before its plan: the results tell of it, so nothing is left to do.
  if (!finished && (await isPublished(pipeline.store, plan.batch, plan.run))) return { what: [], open: false };
  if (!finished) await ensureDispatched(pipeline, plan);
  const { state } = await collectBatch(pipeline, plan.batch, plan.run);
  if (state === "dispatched-again")
    return { what: [`run ${plan.run} had unfinished shards: dispatched again`], open: true };
  return {
    what: state === "collected" ? [`run ${plan.run} was finished but not collected: collected`] : [],
    open: state === "running",
  };
}

const holdsUnplanned = "it holds what no run has: noted, and looked at once it is still";

/**
 * A closed batch must hold nothing that is in no run; if it does, an event was lost.
 * @param markedAt when the marker was last written: when it was closed, or compared
 */
async function verify(
  pipeline: Pipeline,
  batch: BatchName,
  closed: ClosedMarker,
  markedAt: Date | undefined,
): Promise<string[]> {
  const { store, clock } = pipeline;
  const closedAt = new Date(closed.closedAt);
  const comparedAt = closed.verified && markedAt ? markedAt : closedAt;
  const waited = clock.now().getTime() - comparedAt.getTime();
  const age = comparedAt.getTime() - closedAt.getTime();
  if (waited < hour || (waited < age && age > hourlyFor)) return [];
  const plans = await readPlans(store, batch);
  if (waited < age && isLarge(plans.at(-1))) return [];
  const activity = await readActivity({ store }, batch);
  if ((await findUnplanned(store, batch, activity, plans)) === "something") {
    // The marker stays as it is: were this process killed here, the next one would compare again.
    await touch(pipeline, batch, pipeline.policy.idleSeconds);
    return [holdsUnplanned];
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

/** More keys than may be listed every hour. */
function isLarge(newest: Plan | undefined): boolean {
  return newest !== undefined && newest.items + newest.alreadyDone > mostPages * newest.itemsPerPage;
}
