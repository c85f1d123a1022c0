import { updateDocument } from "../../bucket/documents";
import { UserError } from "../../contract/errors";
import type { BatchName } from "../../contract/names";
import { rejectionKey } from "../../contract/object-keys";
import type { KnownFailure } from "../../contract/outcome";
import { rejection } from "../../contract/planning";
import type { Pipeline } from "../ports";

type Deciding = Pick<Pipeline, "store" | "clock">;

/** The user's to mend: the batch is rejected. Anything else passes through and is tried again. */
export function rejectionOf(error: unknown): KnownFailure {
  if (error instanceof UserError) return { code: error.code, message: error.message };
  throw error;
}

/** Puts on record that the batch cannot be planned as it is. */
export async function recordRejection(bucket: Deciding, batch: BatchName, failure: KnownFailure): Promise<void> {
  const at = bucket.clock.now().toISOString();
  await updateDocument(bucket, rejectionKey(batch), rejection, () => ({ schemaVersion: 1, batch, at, failure }));
}

export async function withdrawRejection(bucket: Deciding, batch: BatchName): Promise<void> {
  const at = bucket.clock.now().toISOString();
  await updateDocument(bucket, rejectionKey(batch), rejection, (before) =>
    before?.failure ? { schemaVersion: 1, batch, at, failure: null } : undefined,
  );
}
