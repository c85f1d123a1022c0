import { compareAndSwap, type SharedBucket } from "../../bucket/compare-and-swap";
import { readIfPresent, writeIfUnchanged } from "../../bucket/objects";
import { annotationKey } from "../../contract/object-keys";
import type { Plan, WorkItem } from "../../contract/plan";

/**
 * Puts an image's regions where people open them, results/<batch>/annotations/: the newest run's, whatever order workers
 * finish in. The collection names its run beside its features (RFC 7946, 6.1: foreign members).
 */
export async function publishAnnotation(
  bucket: SharedBucket,
  { batch, run, ordinal }: Pick<Plan, "batch" | "run" | "ordinal">,
  { key, work }: Pick<WorkItem, "key" | "work">,
  geojson: string,
): Promise<void> {
  const where = annotationKey(batch, key);
  const text = `${JSON.stringify({ ...(JSON.parse(geojson) as object), cytolens: { run, ordinal, work } })}\n`;
  await compareAndSwap(bucket, `write ${JSON.stringify(where)}`, async () => {
    const found = await readIfPresent(bucket.store, where);
    const isDone =
      (found !== undefined && ordinalOf(found.body) > ordinal) ||
      (await writeIfUnchanged(bucket.store, where, found?.facts.etag, text, "application/geo+json")) !== undefined;
    return isDone ? { done: undefined } : undefined;
  });
}

/** Zero for a file that someone else put there, or damaged. */
function ordinalOf(body: Uint8Array): number {
  try {
    const { cytolens } = JSON.parse(Buffer.from(body).toString("utf8")) as { cytolens?: { ordinal?: number } };
    return cytolens?.ordinal ?? 0;
  } catch {
    return 0;
  }
}
