import type { BatchName } from "../contract/names";
import type { KnownFailure } from "../contract/outcome";
import { publishBatch } from "./collecting/publish-batch";
import { freezeSettings } from "./planning/freeze-settings";
import { recordRejection, rejectionOf } from "./planning/rejection";
import { attempt, type Pipeline } from "./ports";

type Rejecting = Pick<Pipeline, "store" | "clock" | "notices" | "publishers">;

/** Says at once, not only when the batch is still, what is wrong with a batch.json that has just arrived. */
export async function judgeSettings(pipeline: Rejecting, batch: BatchName): Promise<void> {
  const failure = await freezeSettings(pipeline.store, batch).then(() => null, rejectionOf);
  if (failure) await rejectBatch(pipeline, batch, failure);
}

/** Records why the batch cannot be planned, and says so where people look. */
export async function rejectBatch(pipeline: Rejecting, batch: BatchName, failure: KnownFailure): Promise<void> {
  await recordRejection(pipeline, batch, failure);
  await publishBatch(pipeline, batch);
  await attempt(() =>
    pipeline.notices.publish(
      `Batch ${batch} was not accepted`,
      `${failure.message}\nNothing was started. Mend it and upload batch.json again.`,
    ),
  );
}
