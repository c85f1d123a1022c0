import { batchName, type BatchName } from "../contract/names";
import { incomingObject, readyMarkerKey } from "../contract/object-keys";
import { archivedNotice, isArchived } from "./archived";
import { readActivity, touch } from "./planning/activity";
import { planBatch, type PlanOutcome } from "./plan-batch";
import { attempt, type Pipeline } from "./ports";
import { judgeSettings } from "./reject-batch";

/** An object was created; the key as it is in the bucket (not as S3 encodes it in events). */
export interface UploadEvent {
  readonly key: string;
}

export interface FailedEvent<Event extends UploadEvent> {
  readonly event: Event;
  readonly error: unknown;
}

/**
 * Takes a group of upload events. An event says only "look": duplicates, reordering and our own outputs do no harm.
 * Answers the events that could not be handled, so that they alone are delivered again.
 */
export async function noteEvents<Event extends UploadEvent>(
  pipeline: Pipeline,
  events: readonly Event[],
): Promise<readonly FailedEvent<Event>[]> {
  const failed: FailedEvent<Event>[] = [];
  const strays: string[] = [];
  for (const [name, touched] of byBatch(events, strays)) {
    const batch = batchName.safeParse(name);
    if (!batch.success) {
      strays.push(...touched.map(({ key }) => key));
      continue;
    }
    try {
      await noteBatch(
        pipeline,
        batch.data,
        touched.map(({ key }) => key),
      );
    } catch (error) {
      failed.push(...touched.map((event) => ({ event, error })));
    }
  }
  if (strays.length > 0) await attempt(() => pipeline.notices.publish("Files outside a batch", strayNotice(strays)));
  return failed;
}

async function noteBatch(pipeline: Pipeline, batch: BatchName, keys: readonly string[]): Promise<void> {
  if (!(await readActivity(pipeline, batch)) && (await isArchived(pipeline.store, batch))) {
    await attempt(() => pipeline.notices.publish(`Batch ${batch} is archived`, archivedNotice(batch)));
    return;
  }
  const kinds = new Set(keys.map((key) => incomingObject(key).kind));
  await touch(pipeline, batch, pipeline.policy.idleSeconds);
  if (kinds.has("settings")) await judgeSettings(pipeline, batch);
  if (kinds.has("ready")) await closeByMarker(pipeline, batch);
}

/** The marker closes the batch at once and covers what is no newer than itself. */
async function closeByMarker(pipeline: Pipeline, batch: BatchName): Promise<PlanOutcome | undefined> {
  const marker = await pipeline.store.head(readyMarkerKey(batch));
  return marker && planBatch(pipeline, batch, { by: "ready-marker", coversUntil: marker.lastModified.toISOString() });
}

function byBatch<Event extends UploadEvent>(events: readonly Event[], strays: string[]): Map<string, Event[]> {
  const groups = new Map<string, Event[]>();
  for (const event of events) {
    const object = incomingObject(event.key);
    if (object.kind === "stray") strays.push(event.key);
    if (object.kind === "stray" || object.kind === "elsewhere" || object.kind === "folder" || object.kind === "hidden")
      continue;
    const group = groups.get(object.batch);
    if (group) group.push(event);
    else groups.set(object.batch, [event]);
  }
  return groups;
}

const shownStrays = 10;

const strayNotice = (keys: readonly string[]): string =>
  `Expected images inside a folder under incoming/ (the batch), whose name has at most 200 bytes, but received ${keys.length} elsewhere; they are left alone:\n` +
  keys
    .slice(0, shownStrays)
    .map((key) => `  ${JSON.stringify(key)}`)
    .join("\n") +
  (keys.length > shownStrays ? `\n  and ${keys.length - shownStrays} more` : "");
