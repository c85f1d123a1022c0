import { activity, type Activity } from "../../contract/planning";
import type { BatchName, RunId } from "../../contract/names";
import { activityKey } from "../../contract/object-keys";
import { readDocument, updateDocument } from "../../bucket/documents";
import type { Pipeline } from "../ports";

/** SQS delays a message no longer; a longer wait is made of several. */
const longestTickSeconds = 900;
/** A tick this late is taken to be lost. */
const tickGraceMilliseconds = 120_000;

export const readActivity = async (
  { store }: Pick<Pipeline, "store">,
  batch: BatchName,
): Promise<Activity | undefined> => (await readDocument(store, activityKey(batch), activity))?.value;

export const tickIsPending = (found: Activity, now: Date): boolean =>
  found.tickDueAt !== null && Date.parse(found.tickDueAt) + tickGraceMilliseconds > now.getTime();

/** Records that the batch was touched; schedules a tick unless one is on its way. */
export async function touch(
  pipeline: Pick<Pipeline, "store" | "hints" | "clock">,
  batch: BatchName,
  tickAfterSeconds: number,
): Promise<void> {
  const now = pipeline.clock.now();
  const delay = Math.min(longestTickSeconds, Math.max(0, Math.ceil(tickAfterSeconds)));
  let mine = false;
  await updateDocument(pipeline, activityKey(batch), activity, (before) => {
    mine = !before || !tickIsPending(before, now);
    return {
      schemaVersion: 1,
      batch,
      drafting: before?.drafting ?? null,
      listedAt: before?.listedAt ?? null,
      listedAs: before?.listedAs ?? null,
      lastEventAt: later(before?.lastEventAt, now.toISOString()),
      tickDueAt: mine ? inSeconds(now, delay) : (before?.tickDueAt ?? null),
    };
  });
  if (mine) await send(pipeline, batch, delay);
}

/** Schedules the next look at a batch, whatever was scheduled before. */
export async function scheduleTick(
  pipeline: Pick<Pipeline, "store" | "hints" | "clock">,
  batch: BatchName,
  afterSeconds: number,
  drafting?: Activity["drafting"],
): Promise<void> {
  const now = pipeline.clock.now();
  const delay = Math.min(longestTickSeconds, Math.max(0, Math.ceil(afterSeconds)));
  await updateDocument(pipeline, activityKey(batch), activity, (before) => ({
    schemaVersion: 1,
    batch,
    lastEventAt: before?.lastEventAt ?? now.toISOString(),
    listedAt: before?.listedAt ?? null,
    listedAs: before?.listedAs ?? null,
    drafting: drafting === undefined ? (before?.drafting ?? null) : drafting,
    tickDueAt: inSeconds(now, delay),
  }));
  await send(pipeline, batch, delay);
}

/** After planning: no tick is due, unless the batch was touched since the listing began. Answers whether it was. */
export async function settleTicks(
  pipeline: Pick<Pipeline, "store" | "hints" | "clock">,
  batch: BatchName,
  listedAt: string,
  listedAs: RunId | null,
  idleSeconds: number,
): Promise<boolean> {
  let touchedSince = false;
  await updateDocument(pipeline, activityKey(batch), activity, (before) => {
    if (!before) return undefined;
    touchedSince = before.lastEventAt >= listedAt;
    return { ...before, listedAt, listedAs, drafting: null, tickDueAt: null };
  });
  if (touchedSince) await scheduleTick(pipeline, batch, idleSeconds);
  return touchedSince;
}

/** A tick that cannot be sent is forgotten again, so that the next event or the reconciler sends one. */
async function send(
  pipeline: Pick<Pipeline, "store" | "hints" | "clock">,
  batch: BatchName,
  delay: number,
): Promise<void> {
  try {
    await pipeline.hints.tick(batch, delay);
  } catch (error) {
    await updateDocument(pipeline, activityKey(batch), activity, (before) => before && { ...before, tickDueAt: null });
    throw error;
  }
}

const later = (a: string | undefined, b: string): string => (a !== undefined && a > b ? a : b);
const inSeconds = (now: Date, seconds: number): string => new Date(now.getTime() + seconds * 1000).toISOString();
