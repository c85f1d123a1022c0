import { canonicalJson, RunIdentity } from "../../contract/digests";
import { engineVersion } from "../../contract/engine-version";
import { UserError } from "../../contract/errors";
import type { BatchName, RunId } from "../../contract/names";
import { batchSettingsKey, incomingBatchPrefix, incomingObject } from "../../contract/object-keys";
import type { Plan } from "../../contract/plan";
import type { Activity } from "../../contract/planning";
import type { ListPage, ObjectStore } from "../../storage/object-store";
import { readSettings, resolveModel } from "./freeze-settings";

export interface LastListed {
  /** What is known of the batch's last listing; undefined for a batch that was planned without events. */
  readonly activity: Activity | undefined;
  /** The batch's newest plan. */
  readonly newest: Plan | undefined;
}

/**
 * Whether a batch's images and settings are what they were when it was last listed; if not, an event was lost or is still
 * on its way. "unknown" when that cannot be told from so many pages of a thousand keys.
 */
export async function compareListing(
  store: ObjectStore,
  batch: BatchName,
  { activity, newest }: LastListed,
  mostPages = Number.POSITIVE_INFINITY,
): Promise<"same" | "changed" | "unknown"> {
  const isListed = activity !== undefined && activity.listedAt !== null;
  const listedAs = isListed ? activity.listedAs : (newest?.identity ?? null);
  if (listedAs === null) return isListed ? compareSettings(store, batch, activity) : "same";
  try {
    const identities = await identitiesNow(store, batch, newest, mostPages);
    if (!identities) return "unknown";
    return identities.includes(listedAs) ? "same" : "changed";
  } catch (error) {
    // Settings that can no longer be used are a change, too.
    if (error instanceof UserError) return "changed";
    throw error;
  }
}

/** A rejected batch was not listed: what counts is whether its settings were written since. */
async function compareSettings(
  store: ObjectStore,
  batch: BatchName,
  { listedAt }: Activity,
): Promise<"same" | "changed"> {
  const facts = await store.head(batchSettingsKey(batch));
  return facts && listedAt !== null && facts.lastModified > new Date(listedAt) ? "changed" : "same";
}

/**
 * What a listing would come to now. There are several answers: a name that has come to mean another model, and a new
 * version of the engine, are no reason to work on a finished batch again.
 */
async function identitiesNow(
  store: ObjectStore,
  batch: BatchName,
  newest: Plan | undefined,
  mostPages: number,
): Promise<readonly RunId[] | undefined> {
  const settings = await readSettings(store, batch);
  const planned = newest && canonicalJson(newest.settings) === canonicalJson(settings) ? newest : undefined;
  const resolved = await resolveModel(store, settings.model).catch((error: unknown) => {
    if (planned && error instanceof UserError) return undefined;
    throw error;
  });
  const models = new Set([planned?.model.sha256, resolved?.sha256].filter((digest) => digest !== undefined));
  const engines = new Set([newest?.engineVersion ?? engineVersion, engineVersion]);
  const identities = [...models].flatMap((model) =>
    [...engines].map((engine) => RunIdentity.begin(settings, model, engine)),
  );
  let continuation: string | undefined;
  for (let pages = 0; pages < mostPages; pages++) {
    const page: ListPage = await store.listPage(
      incomingBatchPrefix(batch),
      continuation === undefined ? {} : { continuation },
    );
    for (const { key, etag } of page.objects)
      if (incomingObject(key).kind === "image") for (const identity of identities) identity.addImage(key, etag);
    continuation = page.continuation;
    if (continuation === undefined) return identities.map((identity) => identity.id());
  }
  return undefined;
}
