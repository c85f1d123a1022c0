import type { BatchName } from "../contract/names";
import { closedMarkerKey } from "../contract/object-keys";
import { closedMarker } from "../contract/planning";
import { readActivity } from "./planning/activity";
import { updateDocument } from "../bucket/documents";
import type { Pipeline } from "./ports";
import { isPublished } from "./collecting/publish-batch";
import { readPlans, readRunSummary } from "../bucket/runs";

/** Marks a batch of which nothing is left to do: listed since its last event, all its runs finished and published. */
export async function closeIfDone(
  { store, clock }: Pick<Pipeline, "store" | "clock">,
  batch: BatchName,
): Promise<boolean> {
  const activity = await readActivity({ store }, batch);
  const listed =
    !activity || (activity.drafting === null && activity.listedAt !== null && activity.lastEventAt < activity.listedAt);
  if (!listed) return false;
  for (const { run } of await readPlans(store, batch)) {
    if (!(await readRunSummary(store, batch, run)) || !(await isPublished(store, batch, run))) return false;
  }
  const lastEventAt = activity?.lastEventAt ?? null;
  const closedAt = clock.now().toISOString();
  await updateDocument({ store, clock }, closedMarkerKey(batch), closedMarker, (before) =>
    before && before.lastEventAt === lastEventAt && before.verified
      ? undefined
      : { schemaVersion: 1, batch, closedAt, lastEventAt, verified: false },
  );
  return true;
}
