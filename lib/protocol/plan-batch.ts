import { readPlans, readRunSummary } from "../bucket/runs";
import type { BatchName } from "../contract/names";
import type { KnownFailure } from "../contract/outcome";
import type { Plan } from "../contract/plan";
import type { Closing, DraftProgress } from "../contract/planning";
import { closeIfDone } from "./close-batch";
import { collectBatch } from "./collect-batch";
import { scheduleTick, settleTicks } from "./planning/activity";
import { claimPlan, identityOf } from "./planning/claim-plan";
import { ensureDispatched } from "./planning/dispatch-run";
import { beginDraft, draftItems, resumeDraft, type Drafted } from "./planning/draft-items";
import { freezeSettings, modelByDigest, type FrozenModel } from "./planning/freeze-settings";
import { rejectionOf, withdrawRejection } from "./planning/rejection";
import { attempt, type Pipeline } from "./ports";
import { rejectBatch } from "./reject-batch";

export type PlanOutcome =
  | { readonly state: "planned" | "already-planned"; readonly plan: Plan }
  /** Every image is done, or in a live run. */
  | { readonly state: "nothing-new"; readonly images: number }
  | { readonly state: "empty" }
  | { readonly state: "rejected"; readonly failure: KnownFailure }
  /** The listing goes on at the next tick. */
  | { readonly state: "continues" };

/**
 * Plans a batch that is closed: freezes its settings and model, lists it into a draft, claims the run
 * and dispatches it. May be called any number of times, by any number of planners, and killed anywhere.
 */
export async function planBatch(
  pipeline: Pipeline,
  batch: BatchName,
  closing: Closing,
  unfinishedDraft?: string,
): Promise<PlanOutcome> {
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
  // Another planner was faster: what it planned is not to be planned again.
  if (outcome === undefined) return planBatch(pipeline, batch, closing);
  await settleTicks(
    pipeline,
    batch,
    drafted.progress.startedAt,
    identityOf(drafted.progress),
    pipeline.policy.idleSeconds,
  );
  if (outcome.state !== "planned") await closeIfDone(pipeline, batch);
  return outcome;
}

async function takeUp(
  pipeline: Pipeline,
  batch: BatchName,
  unfinished: string | undefined,
): Promise<DraftProgress | Date> {
  const resumed = unfinished === undefined ? undefined : await resumeDraft(pipeline, batch, unfinished);
  return resumed ?? beginDraft(pipeline, batch, await freezeSettings(pipeline.store, batch));
}

/** Undefined when runs were planned that the draft does not know of. */
async function settleRun(
  pipeline: Pipeline,
  progress: DraftProgress,
  model: FrozenModel,
  closing: Closing,
): Promise<PlanOutcome | undefined> {
  const { store } = pipeline;
  const { batch } = progress;
  const identity = identityOf(progress);
  const plans = await readPlans(store, batch);
  const newest = plans.at(-1);
  if (plans.length > progress.plansSeen) return undefined;
  if (progress.fresh === 0 && newest)
    return newest.identity === identity
      ? continueRun(pipeline, newest)
      : { state: "nothing-new", images: progress.images };
  if (progress.images === 0 && closing.by === "idle") return { state: "empty" };

  const { plan: settled, created } = await claimPlan(pipeline, progress, model, closing, plans);
  await ensureDispatched(pipeline, settled);
  if (settled.shards === 0) await collectBatch(pipeline, batch, settled.run);
  if (created && settled.notes.length > 0)
    await attempt(() => pipeline.notices.publish(`Batch ${batch}: run ${settled.run}`, settled.notes.join("\n")));
  return { state: created ? "planned" : "already-planned", plan: settled };
}

/** The same listing again: whatever an earlier planner left undone is finished now. */
async function continueRun(pipeline: Pipeline, plan: Plan): Promise<PlanOutcome> {
  if ((await readRunSummary(pipeline.store, plan.batch, plan.run)) === undefined) {
    await ensureDispatched(pipeline, plan);
    if (plan.shards === 0) await collectBatch(pipeline, plan.batch, plan.run);
  }
  return { state: "already-planned", plan };
}

async function reject(pipeline: Pipeline, batch: BatchName, failure: KnownFailure): Promise<PlanOutcome> {
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
