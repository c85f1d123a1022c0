import type { BatchName } from "../contract/names";
import { incomingBatchPrefix } from "../contract/object-keys";
import { planBatch, type PlanOutcome } from "./plan-batch";
import { readActivity, scheduleTick } from "./planning/activity";
import type { Pipeline } from "./ports";

export type TickOutcome =
  | { readonly state: "nothing" | "superseded" }
  | { readonly state: "waiting"; readonly seconds: number }
  | PlanOutcome;

/** Two clocks differ by no more. */
const slackMilliseconds = 2000;
/** A tick that comes too early comes again this much after the window's end. */
const marginSeconds = 2;
/** An upload begun longer ago is taken to be abandoned. */
const abandonedUploadMilliseconds = 24 * 3600 * 1000;

/** Looks whether a batch has become still; plans it when it has, goes on with an unfinished draft, and looks again later otherwise. */
export async function handleTick(pipeline: Pipeline, batch: BatchName): Promise<TickOutcome> {
  const now = pipeline.clock.now();
  const found = await readActivity(pipeline, batch);
  if (!found) return { state: "nothing" };
  if (found.tickDueAt !== null && Date.parse(found.tickDueAt) > now.getTime() + slackMilliseconds)
    return { state: "superseded" };
  if (found.drafting) return planBatch(pipeline, batch, found.drafting.closing, found.drafting.draft);

  const remaining = (Date.parse(found.lastEventAt) - now.getTime()) / 1000 + pipeline.policy.idleSeconds;
  if (remaining > 0) return waitFor(pipeline, batch, remaining + marginSeconds);
  if (await uploadsAreOpen(pipeline, batch)) return waitFor(pipeline, batch, pipeline.policy.idleSeconds);
  return planBatch(pipeline, batch, { by: "idle", coversUntil: null });
}

async function waitFor(pipeline: Pipeline, batch: BatchName, seconds: number): Promise<TickOutcome> {
  await scheduleTick(pipeline, batch, seconds);
  return { state: "waiting", seconds };
}

async function uploadsAreOpen({ store, clock }: Pipeline, batch: BatchName): Promise<boolean> {
  const oldest = clock.now().getTime() - abandonedUploadMilliseconds;
  const uploads = await store.openUploads(incomingBatchPrefix(batch));
  return uploads.some(({ initiated }) => initiated.getTime() > oldest);
}
