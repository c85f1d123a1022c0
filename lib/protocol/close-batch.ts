import type { BatchName } from "../contract/names";
import { closedMarkerKey } from "../contract/object-keys";
import { closedMarker, type Activity } from "../contract/planning";
import type { Plan } from "../contract/plan";
import { readActivity, touch } from "./planning/activity";
import { findUnplanned } from "./planning/find-unplanned";
import { readDocument, updateDocument } from "../bucket/documents";
import type { Pipeline } from "./ports";
import { isPublished } from "./collecting/publish-batch";
import { readPlans, readRunSummary } from "../bucket/runs";

export type CloseOutcome =
  | "closed"
  /** Something is under way, which ends in another look. */
  | "open"
  /** The bucket holds what no event told of: noted, and looked at once it is still. */
  | "changed";

type Closing = Pick<Pipeline, "store" | "clock" | "hints" | "policy">;

/** Listing so many pages of a thousand keys takes a second or two; what is larger waits for the reconciler's comparison. */
export const mostPages = 10;
/** A listing begun no longer ago needs no other beside it. */
const freshMilliseconds = 60_000;

/**
 * Marks a batch of which nothing is left to do: listed since its last event, all its runs finished and published, and what
 * lies in the bucket is in a run. The last is looked up unless the batch has just been listed, for what came during
 * a run and whose event was lost.
 */
export async function closeIfDone(pipeline: Closing, batch: BatchName): Promise<CloseOutcome> {
  const { store, clock } = pipeline;
  const activity = await readActivity({ store }, batch);
  const listed =
    !activity || (activity.drafting === null && activity.listedAt !== null && activity.lastEventAt < activity.listedAt);
  if (!listed) return "open";
  const plans = await readPlans(store, batch);
  let lastRunClosedAt = "";
  for (const { run } of plans) {
    const summary = await readRunSummary(store, batch, run);
    if (!summary || !(await isPublished(store, batch, run))) return "open";
    if (summary.closedAt > lastRunClosedAt) lastRunClosedAt = summary.closedAt;
  }
  const lastEventAt = activity?.lastEventAt ?? null;
  const before = (await readDocument(store, closedMarkerKey(batch), closedMarker))?.value;
  const isMarked = before?.lastEventAt === lastEventAt && before.closedAt >= lastRunClosedAt;
  if (!isMarked && activity && (await hasChanged(pipeline, activity, plans, lastRunClosedAt))) {
    await touch(pipeline, batch, pipeline.policy.idleSeconds);
    return "changed";
  }
  // Written again where it stands: it is now newer than the activity, by which the reconciler knows it.
  const closedAt = clock.now().toISOString();
  await updateDocument({ store, clock }, closedMarkerKey(batch), closedMarker, (found) =>
    isMarked && found?.lastEventAt === lastEventAt
      ? found
      : { schemaVersion: 1, batch, closedAt, lastEventAt, verified: false },
  );
  return "closed";
}

/** A listing that was begun after the last run closed, and just now, has seen all there is. */
async function hasChanged(
  { store, clock }: Closing,
  activity: Activity,
  plans: readonly Plan[],
  lastRunClosedAt: string,
): Promise<boolean> {
  const { batch, listedAt } = activity;
  const isFresh =
    listedAt !== null &&
    listedAt >= lastRunClosedAt &&
    clock.now().getTime() - Date.parse(listedAt) < freshMilliseconds;
  return !isFresh && (await findUnplanned(store, batch, activity, plans, mostPages)) === "something";
}
