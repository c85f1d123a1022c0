import { createDocument, requireDocument } from "../../bucket/documents";
import { claimOrdinal } from "../../bucket/runs";
import { canonicalJson, followUpRunId, RunIdentity } from "../../contract/digests";
import { engineVersion } from "../../contract/engine-version";
import type { RunId } from "../../contract/names";
import { planKey } from "../../contract/object-keys";
import { plan as planDocument, type Plan } from "../../contract/plan";
import type { Closing, DraftProgress } from "../../contract/planning";
import type { Pipeline } from "../ports";
import { itemsPerPage } from "./draft-items";
import type { FrozenModel } from "./freeze-settings";

/**
 * Makes a finished draft the batch's next run: of planners that race, one creates the plan and the others find it.
 * @param plans the batch's runs so far, oldest first
 */
export async function claimPlan(
  pipeline: Pipeline,
  progress: DraftProgress,
  model: FrozenModel,
  closing: Closing,
  plans: readonly Plan[],
): Promise<{ readonly plan: Plan; readonly created: boolean }> {
  const { store } = pipeline;
  const { batch } = progress;
  const identity = identityOf(progress);
  const newest = plans.at(-1);
  const run = plans.some((known) => known.run === identity) && newest ? followUpRunId(identity, newest.run) : identity;
  const plan = planOf(pipeline, progress, model, closing, {
    run,
    identity,
    ordinal: await claimOrdinal(pipeline, batch, run),
    newest,
  });
  const created = await createDocument(store, planKey(batch, run), plan);
  return { plan: created ? plan : await requireDocument(store, planKey(batch, run), planDocument), created };
}

/** What the listing, the settings, the model and this version of the engine make of the draft: equal listings have equal ones. */
export const identityOf = ({ identityState }: DraftProgress): RunId => RunIdentity.resume(identityState).id();

function planOf(
  { clock, policy }: Pipeline,
  progress: DraftProgress,
  model: FrozenModel,
  closing: Closing,
  { run, identity, ordinal, newest }: { run: RunId; identity: RunId; ordinal: number; newest: Plan | undefined },
): Plan {
  const { batch, draft, startedAt, settings, items, alreadyDone, itemsState } = progress;
  const itemsPerShard = Math.max(1, Math.min(itemsPerPage, Math.floor(policy.itemsPerShard(items, settings))));
  return {
    schemaVersion: 1,
    batch,
    run,
    identity,
    ordinal,
    createdAt: clock.now().toISOString(),
    closedBy: closing.by,
    draft,
    listedAt: startedAt,
    itemsPerPage,
    itemsPerShard,
    shards: Math.ceil(items / itemsPerShard),
    items,
    alreadyDone,
    itemsSha256: itemsState,
    settings,
    model: { name: model.name, sha256: model.sha256, card: model.card },
    engineVersion,
    jobDefinition: policy.jobDefinition,
    notes: [
      // Once a model is known, its guesses need no telling again.
      ...(newest?.model.sha256 === model.sha256 ? [] : (model.card.guesses ?? [])),
      ...notesOn(progress, newest),
    ],
  };
}

function notesOn(
  { newerThanMarker, hidden, settings, modelSha256 }: DraftProgress,
  newest: Plan | undefined,
): string[] {
  const notes: string[] = [];
  if (newerThanMarker > 0)
    notes.push(`${newerThanMarker} images are newer than the _READY marker and belong to a later run.`);
  if (hidden > 0) notes.push(`${hidden} hidden files were left alone.`);
  if (newest && canonicalJson(newest.settings) !== canonicalJson(settings))
    notes.push(`The settings changed since run ${newest.run}: this is a new run of all images.`);
  else if (newest && newest.model.sha256 !== modelSha256)
    notes.push(`The model changed since run ${newest.run}: this is a new run of all images.`);
  else if (newest) notes.push(`Images were added or changed since run ${newest.run}.`);
  return notes;
}
