import { canonicalJson, followUpRunId, RunIdentity } from "../contract/digests";
import { engineVersion } from "../contract/engine-version";
import type { BatchName, RunId } from "../contract/names";
import { planKey } from "../contract/object-keys";
import type { Failure } from "../contract/outcome";
import { plan as planDocument, type Plan } from "../contract/plan";
import type { Closing, DraftProgress } from "../contract/planning";
import { scheduleTick, settleTicks } from "./activity";
import { closeIfDone } from "./close-batch";
import { collectBatch } from "./collect-batch";
import { ensureDispatched } from "./dispatch-run";
import { createDocument, requireDocument } from "./documents";
import { beginDraft, draftItems, itemsPerPage, resumeDraft, type Drafted } from "./draft-items";
import { freezeSettings, modelByDigest, type FrozenModel } from "./freeze-settings";
import { attempt, type Pipeline } from "./ports";
import { rejectBatch, rejectionOf, withdrawRejection } from "./reject-batch";
import { claimOrdinal, readPlans, readRunSummary } from "./runs";

export type PlanOutcome =
  | { readonly state: "planned" | "already-planned"; readonly plan: Plan }
  /** Every image is done, or in a live run. */
  | { readonly state: "nothing-new"; readonly images: number }
  | { readonly state: "empty" }
  | { readonly state: "rejected"; readonly failure: Failure }
  /** The listing goes on at the next tick. */
  | { readonly state: "continues" };

/**
 * Plans a batch that is closed: freezes its settings and model, lists it into a draft, claims the run
 * and dispatches it. May be called any number of times, by any number of planners, and killed anywhere.
 */
export async function planBatch(pipeline: Pipeline, batch: BatchName, closing: Closing, unfinishedDraft?: string): Promise<PlanOutcome> {
  let drafted: Drafted;
  let model: FrozenModel;
  try {
    const begun = await takeUp(pipeline, batch, unfinishedDraft);
    if (begun instanceof Date) return await lookAgainAt(pipeline, batch, begun);
    model = await modelByDigest(pipeline.store, begun.settings.model, begun.modelSha256);
    drafted = await draftItems(pipeline, begun, closing);
  } catch (error) {
    return await reject(pipeline, batch, rejectionOf(error));
  }
  if (drafted.state === "busy") return lookAgainAt(pipeline, batch, drafted.until);
  if (drafted.state === "continues") {
    await scheduleTick(pipeline, batch, 0, { draft: drafted.draft, closing });
    return { state: "continues" };
  }
  await withdrawRejection(pipeline, batch);
  const outcome = await settleRun(pipeline, drafted.progress, model, closing);
  await settleTicks(pipeline, batch, drafted.progress.startedAt, identityOf(drafted.progress), pipeline.policy.idleSeconds);
  if (outcome.state === "nothing-new" || outcome.state === "empty") await closeIfDone(pipeline, batch);
  return outcome;
}

async function takeUp(pipeline: Pipeline, batch: BatchName, unfinished: string | undefined): Promise<DraftProgress | Date> {
  const resumed = unfinished === undefined ? undefined : await resumeDraft(pipeline, batch, unfinished);
  return resumed ?? beginDraft(pipeline, batch, await freezeSettings(pipeline.store, batch));
}

async function settleRun(pipeline: Pipeline, progress: DraftProgress, model: FrozenModel, closing: Closing): Promise<PlanOutcome> {
  const { store } = pipeline;
  const { batch } = progress;
  const identity = identityOf(progress);
  const plans = await readPlans(store, batch);
  const newest = plans.at(-1);
  // Another planner was faster: what it planned is not to be planned again.
  if (plans.length > progress.plansSeen) return planBatch(pipeline, batch, closing);
  if (progress.fresh === 0 && newest) return newest.identity === identity ? continueRun(pipeline, newest) : { state: "nothing-new", images: progress.images };
  if (progress.images === 0 && closing.by === "idle") return { state: "empty" };

  const run = plans.some((known) => known.run === identity) && newest ? followUpRunId(identity, newest.run) : identity;
  const plan = planOf(pipeline, progress, model, closing, { run, identity, ordinal: await claimOrdinal(store, batch, run), newest });
  const created = await createDocument(store, planKey(batch, run), plan);
  const settled = created ? plan : await requireDocument(store, planKey(batch, run), planDocument);
  await ensureDispatched(pipeline, settled);
  if (settled.shards === 0) await collectBatch(pipeline, batch, run);
  if (created && plan.notes.length > 0) await attempt(() => pipeline.notices.publish(`Batch ${batch}: run ${run}`, plan.notes.join("\n")));
  return { state: created ? "planned" : "already-planned", plan: settled };
}

/** The same listing again: whatever an earlier planner left undone is finished now. */
async function continueRun(pipeline: Pipeline, plan: Plan): Promise<PlanOutcome> {
  if ((await readRunSummary(pipeline.store, plan.batch, plan.run)) === undefined) {
    await ensureDispatched(pipeline, plan);
    if (plan.shards === 0) await collectBatch(pipeline, plan.batch, plan.run);
  } else await closeIfDone(pipeline, plan.batch);
  return { state: "already-planned", plan };
}

function planOf(
  { clock, policy }: Pipeline, progress: DraftProgress, model: FrozenModel, closing: Closing,
  { run, identity, ordinal, newest }: { run: RunId; identity: RunId; ordinal: number; newest: Plan | undefined },
): Plan {
  const { batch, draft, startedAt, settings, items, alreadyDone, itemsState } = progress;
  const itemsPerShard = Math.max(1, Math.min(itemsPerPage, Math.floor(policy.itemsPerShard(items, settings))));
  return {
    schemaVersion: 1, batch, run, identity, ordinal, createdAt: clock.now().toISOString(), closedBy: closing.by,
    draft, listedAt: startedAt, itemsPerPage, itemsPerShard, shards: Math.ceil(items / itemsPerShard), items, alreadyDone, itemsSha256: itemsState,
    settings, model: { name: model.name, sha256: model.sha256, card: model.card }, engineVersion, jobDefinition: policy.jobDefinition,
    notes: notesOn(progress, newest),
  };
}

function notesOn({ newerThanMarker, hidden, settings, modelSha256 }: DraftProgress, newest: Plan | undefined): string[] {
  const notes: string[] = [];
  if (newerThanMarker > 0) notes.push(`${newerThanMarker} images are newer than the _READY marker and belong to a later run.`);
  if (hidden > 0) notes.push(`${hidden} hidden files were left alone.`);
  if (newest && canonicalJson(newest.settings) !== canonicalJson(settings)) notes.push(`The settings changed since run ${newest.run}: this is a new run of all images.`);
  else if (newest && newest.model.sha256 !== modelSha256) notes.push(`The model changed since run ${newest.run}: this is a new run of all images.`);
  else if (newest) notes.push(`Images were added or changed since run ${newest.run}.`);
  return notes;
}

async function reject(pipeline: Pipeline, batch: BatchName, failure: Failure): Promise<PlanOutcome> {
  const listedAt = pipeline.clock.now().toISOString();
  await rejectBatch(pipeline, batch, failure);
  await settleTicks(pipeline, batch, listedAt, null, pipeline.policy.idleSeconds);
  await closeIfDone(pipeline, batch);
  return { state: "rejected", failure };
}

async function lookAgainAt(pipeline: Pipeline, batch: BatchName, when: Date): Promise<PlanOutcome> {
  await scheduleTick(pipeline, batch, (when.getTime() - pipeline.clock.now().getTime()) / 1000);
  return { state: "continues" };
}

const identityOf = ({ identityState }: DraftProgress): RunId => RunIdentity.resume(identityState).id();
