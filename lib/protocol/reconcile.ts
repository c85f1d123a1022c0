import { RunIdentity } from "../contract/digests";
import { engineVersion } from "../contract/engine-version";
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
import { activity as activityDocument, closedMarker, type ClosedMarker } from "../contract/planning";
import type { Plan } from "../contract/plan";
import { listAll, type ListPage, type ObjectStore } from "../storage/object-store";
import { scheduleTick, tickIsPending, touch } from "./planning/activity";
import { closeIfDone } from "./close-batch";
import { collectBatch } from "./collect-batch";
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
  if (closedAt && (!touchedAt || closedAt > touchedAt)) {
    const closed = await readDocument(store, closedMarkerKey(batch), closedMarker);
    return closed ? verify(pipeline, batch, closed.value) : [];
  }
  const activity = (await readDocument(store, activityKey(batch), activityDocument))?.value;
  const plans = await readPlans(store, batch);
  if (!activity && plans.length === 0) {
    if (!(await hasImages(store, batch))) return [];
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
  await closeIfDone(pipeline, batch);
  return done;
}

async function mendRun(pipeline: Pipeline, plan: Plan): Promise<string[]> {
  const finished = (await readRunSummary(pipeline.store, plan.batch, plan.run)) !== undefined;
  if (!finished) await ensureDispatched(pipeline, plan);
  const { state } = await collectBatch(pipeline, plan.batch, plan.run);
  if (state === "dispatched-again") return [`run ${plan.run} had unfinished shards: dispatched again`];
  return state === "collected" ? [`run ${plan.run} was finished but not collected: collected`] : [];
}

/** Once an hour has passed, a closed batch must list as it did when it was last planned; if not, an event was lost. */
async function verify(pipeline: Pipeline, batch: BatchName, closed: ClosedMarker): Promise<string[]> {
  const { store, clock } = pipeline;
  if (closed.verified || clock.now().getTime() - Date.parse(closed.closedAt) < verifyAfterMilliseconds) return [];
  const newest = (await readPlans(store, batch)).at(-1);
  const listedAs =
    (await readDocument(store, activityKey(batch), activityDocument))?.value.listedAs ?? newest?.identity;
  const changed = newest !== undefined && (await identityNow(store, newest)) !== listedAs;
  await updateDocument(
    pipeline,
    closedMarkerKey(batch),
    closedMarker,
    (before) => before && { ...before, verified: true },
  );
  if (!changed) return [];
  await touch(pipeline, batch, pipeline.policy.idleSeconds);
  return ["it no longer lists as it was planned: noted, and looked at once it is still"];
}

async function identityNow(store: ObjectStore, { batch, settings, model }: Plan): Promise<string> {
  const identity = RunIdentity.begin(settings, model.sha256, engineVersion);
  for await (const { key, etag } of listAll(store, incomingBatchPrefix(batch))) {
    if (incomingObject(key).kind === "image") identity.addImage(key, etag);
  }
  return identity.id();
}

async function hasImages(store: ObjectStore, batch: BatchName): Promise<boolean> {
  for await (const { key } of listAll(store, incomingBatchPrefix(batch)))
    if (incomingObject(key).kind === "image") return true;
  return false;
}
