import type { BatchName } from "../contract/names";
import { batchRunsPrefix, incomingBatchPrefix, incomingObject, summaryKey } from "../contract/object-keys";
import { listAll, type ObjectStore } from "../storage/object-store";

/**
 * The bucket's lifecycle takes what is under runs/ after a year or so, while images and results may stay for ever. A batch that
 * was finished must not rise again then: everything in it would be computed once more, by whatever is deployed by that time.
 */

/** Less than the shortest time runs/ may be kept; and nothing brings news of an upload after so long. */
const newsMilliseconds = 28 * 24 * 3600 * 1000;

/** Results, and nothing left that says how they came to be. */
export async function isArchived(store: ObjectStore, batch: BatchName): Promise<boolean> {
  const { objects } = await store.listPage(batchRunsPrefix(batch), { pageSize: 1 });
  return objects.length === 0 && (await store.head(summaryKey(batch))) !== undefined;
}

/** Whether there is an image that may have been uploaded without anyone being told. */
export async function hasUnknownImages(store: ObjectStore, batch: BatchName, now: Date): Promise<boolean> {
  const oldest = now.getTime() - newsMilliseconds;
  for await (const { key, lastModified } of listAll(store, incomingBatchPrefix(batch)))
    if (incomingObject(key).kind === "image" && lastModified.getTime() > oldest) return true;
  return false;
}

export const archivedNotice = (batch: BatchName): string =>
  [
    `Files were uploaded to batch ${batch}, which was finished so long ago that what was known of its runs has expired.`,
    "Nothing was started: every image of the batch would be computed again.",
    `Upload new images under another name; or delete results/${batch}/summary.json and upload once more, if that is what you want.`,
  ].join("\n");
