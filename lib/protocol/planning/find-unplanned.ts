import { readDocument } from "../../bucket/documents";
import { canonicalJson, workIdOf } from "../../contract/digests";
import { UserError } from "../../contract/errors";
import type { BatchName, ObjectKey } from "../../contract/names";
import { batchSettingsKey, incomingBatchPrefix, incomingObject, summaryKey } from "../../contract/object-keys";
import type { Plan } from "../../contract/plan";
import type { Activity } from "../../contract/planning";
import type { Settings } from "../../contract/settings";
import { summary as summaryDocument } from "../../contract/summary";
import type { ListPage, ObjectStore } from "../../storage/object-store";
import { EarlierWork } from "./earlier-work";
import { readSettings } from "./freeze-settings";

/**
 * Whether a batch holds images or settings that no run has, or has only as superseded or deleted; if so, an event was
 * lost or is still on its way. What was deleted since, a name that has come to mean another model, and a new version of
 * the engine are no reason to work on a finished batch again. "unknown" when it cannot be told from so many pages of a
 * thousand keys.
 * @param plans all of the batch's, oldest first
 */
export async function findUnplanned(
  store: ObjectStore,
  batch: BatchName,
  activity: Activity | undefined,
  plans: readonly Plan[],
  mostPages = Number.POSITIVE_INFINITY,
): Promise<"nothing" | "something" | "unknown"> {
  if (activity && activity.listedAt !== null && activity.listedAs === null)
    return (await settingsWereWritten(store, batch, activity.listedAt)) ? "something" : "nothing";
  const settings = await usableSettings(store, batch);
  if (!settings) return "something";
  if (await hasExpired(store, batch, plans)) return "nothing";
  const isPlanned = await plannedImages(store, plans, settings);
  let continuation: string | undefined;
  for (let pages = 0; pages < mostPages; pages++) {
    const page: ListPage = await store.listPage(
      incomingBatchPrefix(batch),
      continuation === undefined ? {} : { continuation },
    );
    for (const { key, etag } of page.objects)
      if (incomingObject(key).kind === "image" && !(await isPlanned(key, etag))) return "something";
    continuation = page.continuation;
    if (continuation === undefined) return "nothing";
  }
  return "unknown";
}

/** Whether people are shown a run whose plan is gone: the bucket's lifecycle has begun to take what tells what was planned. */
async function hasExpired(store: ObjectStore, batch: BatchName, plans: readonly Plan[]): Promise<boolean> {
  const shown = (await readDocument(store, summaryKey(batch), summaryDocument))?.value.runs ?? [];
  return shown.some(({ run }) => !plans.some((plan) => plan.run === run));
}

/** A rejected batch is not listed: what counts is whether its settings were written since. */
async function settingsWereWritten(store: ObjectStore, batch: BatchName, since: string): Promise<boolean> {
  const facts = await store.head(batchSettingsKey(batch));
  return facts !== undefined && facts.lastModified > new Date(since);
}

/** Settings that cannot be used are in no run. */
async function usableSettings(store: ObjectStore, batch: BatchName): Promise<Settings | undefined> {
  try {
    return await readSettings(store, batch);
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/**
 * What planning asks of each image, asked with the settings, the model and the engine of the newest run.
 * Keys must be asked for in listing order.
 */
async function plannedImages(
  store: ObjectStore,
  plans: readonly Plan[],
  settings: Settings,
): Promise<(key: ObjectKey, etag: string) => Promise<boolean>> {
  const newest = plans.at(-1);
  if (!newest || canonicalJson(newest.settings) !== canonicalJson(settings)) return () => Promise.resolve(false);
  const earlier = await EarlierWork.open(store, plans, newest);
  const { engineVersion, model } = newest;
  return async (key, etag) => {
    const work = workIdOf({ key, etag, settings, modelSha256: model.sha256, engineVersion });
    return (await earlier.standing(key, work)) !== "open";
  };
}
