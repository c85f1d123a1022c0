import { TransientError } from "../../contract/errors";
import { annotationKey } from "../../contract/object-keys";
import type { Plan, WorkItem } from "../../contract/plan";
import {
  ObjectNotFoundError,
  PreconditionFailedError,
  type ObjectStore,
  type WriteOptions,
} from "../../storage/object-store";

const patience = 10;

/**
 * Puts an image's regions where people open them, results/<batch>/annotations/: the newest run's, whatever order workers
 * finish in. The collection names its run beside its features (RFC 7946, 6.1: foreign members).
 */
export async function publishAnnotation(
  store: ObjectStore,
  { batch, run, ordinal }: Pick<Plan, "batch" | "run" | "ordinal">,
  { key, work }: Pick<WorkItem, "key" | "work">,
  geojson: string,
): Promise<void> {
  const where = annotationKey(batch, key);
  const text = `${JSON.stringify({ ...(JSON.parse(geojson) as object), cytolens: { run, ordinal, work } })}\n`;
  for (let tried = 0; tried < patience; tried++) {
    const found = await readOrNothing(store, where);
    if (found && ordinalOf(found.body) > ordinal) return;
    const only: WriteOptions["only"] = found ? { ifMatch: found.facts.etag } : "create";
    try {
      await store.write(where, Buffer.from(text), { only, contentType: "application/geo+json" });
      return;
    } catch (error) {
      if (!(error instanceof PreconditionFailedError || error instanceof ObjectNotFoundError)) throw error;
    }
  }
  throw new TransientError(
    "storage.contended",
    `Expected to write ${JSON.stringify(where)} within ${patience} tries but others kept writing it`,
  );
}

async function readOrNothing(
  store: ObjectStore,
  where: ReturnType<typeof annotationKey>,
): Promise<Awaited<ReturnType<ObjectStore["read"]>> | undefined> {
  try {
    return await store.read(where);
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return undefined;
    throw error;
  }
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
