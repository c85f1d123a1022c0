import { z } from "zod";
import { batchName, runId, type BatchName, type RunId } from "../contract/names";
import { collectBatch, type CollectOutcome } from "../protocol/collect-batch";
import { attempt, type Pipeline } from "../protocol/ports";
import type { StructuredLog } from "./structured-log";

/** What EventBridge says when a job changes state, as far as we read it. */
const jobEvent = z.object({
  detail: z.object({
    jobId: z.string(),
    jobName: z.string(),
    status: z.string(),
    statusReason: z.string().optional(),
    parameters: z.object({ batch: z.string(), run: z.string(), training: z.string() }).partial().optional(),
    arrayProperties: z.object({ index: z.number().optional() }).optional(),
  }),
});

/** A job of ours ended: collects its run, or tells people of a training's end. Events of other people's jobs on our queues, and of an array's children, are left alone. */
export async function collectAfterJob(
  pipeline: Pipeline,
  log: StructuredLog,
  event: unknown,
): Promise<CollectOutcome | undefined> {
  const { jobId, jobName, status, statusReason, parameters, arrayProperties } = jobEvent.parse(event).detail;
  if (parameters?.training !== undefined) {
    await attempt(() => pipeline.notices.publish(...trainingNotice(parameters.training ?? "", status, statusReason)));
    log.info("a training ended", { training: parameters.training, jobId, status, statusReason });
    return undefined;
  }
  const ours = runOf(parameters);
  if (!ours || arrayProperties?.index !== undefined) {
    log.info("not a run of ours", { jobId, jobName });
    return undefined;
  }
  const { batch, run } = ours;
  try {
    const outcome = await collectBatch(pipeline, batch, run);
    log.info("a job ended", { batch, run, jobId, jobName, status, statusReason, outcome: outcome.state });
    return outcome;
  } catch (error) {
    log.error("cannot collect a run", error, { batch, run, jobId });
    throw error;
  }
}

function trainingNotice(name: string, status: string, reason: string | undefined): [subject: string, message: string] {
  const where = `training/${name}/run/`;
  return status === "SUCCEEDED"
    ? [
        `Training ${name} is done`,
        `The model is under ${where}. Look at it, then publish it with cytolens model publish.`,
      ]
    : [
        `Training ${name} has ended without a model`,
        `AWS Batch says: ${reason ?? "nothing"}. What was reached is under ${where}; the same command again goes on from there.`,
      ];
}

function runOf(
  parameters: { batch?: string | undefined; run?: string | undefined } | undefined,
): { batch: BatchName; run: RunId } | undefined {
  if (parameters?.batch === undefined) return undefined;
  const batch = batchName.safeParse(decodeURIComponent(parameters.batch));
  const run = runId.safeParse(parameters.run);
  return batch.success && run.success ? { batch: batch.data, run: run.data } : undefined;
}
