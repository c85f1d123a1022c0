import { CytolensError, UserError } from "../contract/errors";
import type { BatchName } from "../contract/names";
import { rejectionKey } from "../contract/object-keys";
import type { Failure } from "../contract/outcome";
import { rejection } from "../contract/planning";
import { updateDocument } from "./documents";
import { freezeSettings } from "./freeze-settings";
import { attempt, type Pipeline } from "./ports";
import { publishBatch } from "./publish-batch";

type Rejecting = Pick<Pipeline, "store" | "clock" | "notices" | "publishers">;

/** Says at once, not only when the batch is still, what is wrong with a batch.json that has just arrived. */
export async function judgeSettings(pipeline: Rejecting, batch: BatchName): Promise<void> {
  const failure = await freezeSettings(pipeline.store, batch).then(() => null, rejectionOf);
  if (failure) await rejectBatch(pipeline, batch, failure);
}

/** The user's to mend: the batch is rejected. Anything else passes through and is tried again. */
export function rejectionOf(error: unknown): Failure {
  if (error instanceof UserError) return { code: error.code, message: error.message };
  throw error;
}

export async function rejectBatch(pipeline: Rejecting, batch: BatchName, failure: Failure): Promise<void> {
  const at = pipeline.clock.now().toISOString();
  await updateDocument(pipeline.store, rejectionKey(batch), rejection, () => ({ schemaVersion: 1, batch, at, failure }));
  await publishBatch(pipeline, batch);
  await attempt(() => pipeline.notices.publish(`Batch ${batch} was not accepted`, `${failure.message}\nNothing was started. Mend it and upload batch.json again.`));
}

export async function withdrawRejection({ store, clock }: Pick<Pipeline, "store" | "clock">, batch: BatchName): Promise<void> {
  const at = clock.now().toISOString();
  await updateDocument(store, rejectionKey(batch), rejection, (before) => (before?.failure ? { schemaVersion: 1, batch, at, failure: null } : undefined));
}

export const describeError = (error: unknown): Failure =>
  error instanceof CytolensError ? { code: error.code, message: error.message } : { code: "unexpected", message: error instanceof Error ? error.message : String(error) };
