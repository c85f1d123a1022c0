import { z } from "zod";
import { modelCard } from "./model-card";
import { batchName, objectKey, runId, schemaVersion, sha256, timestamp } from "./names";
import { failure } from "./outcome";
import { settings } from "./settings";

export const counts = z
  .strictObject({
    planned: z.number().int().min(0),
    succeeded: z.number().int().min(0),
    failed: z.number().int().min(0),
    skipped: z.number().int().min(0),
  })
  .refine((all) => all.planned === all.succeeded + all.failed + all.skipped, {
    error: "Expected planned = succeeded + failed + skipped",
  });
export type Counts = z.infer<typeof counts>;

/** runs/<batch>/<run>/summary.json: written once, when every item of the run has its outcome. */
export const runSummary = z.strictObject({
  schemaVersion,
  batch: batchName,
  run: runId,
  ordinal: z.number().int().min(1),
  closedAt: timestamp,
  counts,
  skippedBy: z.record(z.string(), z.number().int()),
  dispatches: z.number().int().min(0),
  /** Machines' time: of every attempt of every job, as the queue has it; where it has none, of the work on images alone. */
  seconds: z.number().min(0),
  /** Reasons of jobs that did not end well, for a person. */
  notes: z.array(z.string()),
});
export type RunSummary = z.infer<typeof runSummary>;

/** results/<batch>/summary.json: the union of the batch's runs, newest plan first in `runs`. */
export const summary = z.strictObject({
  schemaVersion,
  batch: batchName,
  status: z.enum(["complete", "complete-with-failures", "rejected"]),
  /** Why nothing was dispatched, for a rejected batch (for example an unknown model). */
  rejection: failure.optional(),
  createdAt: timestamp,
  run: runId.nullable(),
  ordinal: z.number().int().min(0),
  runs: z.array(z.strictObject({ run: runId, ordinal: z.number().int().min(1), counts })),
  counts,
  skippedBy: z.record(z.string(), z.number().int()),
  classCounts: z.record(z.string(), z.number().int()),
  /** Where labels are known: rows are true classes, columns predicted ones, in the order of `classes`. */
  agreement: z
    .strictObject({ classes: z.array(z.string()), matrix: z.array(z.array(z.number().int())), accuracy: z.number() })
    .optional(),
  failures: z.array(z.strictObject({ key: objectKey, failure })),
  failuresLeftOut: z.number().int().min(0),
  explanations: z.array(
    z.strictObject({
      method: z.string(),
      count: z.number().int(),
      converged: z.number().int().nullable(),
      medianRelative: z.number().nullable(),
      medianMapChange: z.number().nullable(),
    }),
  ),
  model: z.strictObject({ name: z.string(), sha256, card: modelCard }).nullable(),
  settings,
  /** From the listing to the last image. */
  seconds: z.number().min(0),
  /** Machines' time over all runs; not told by earlier versions. */
  machineSeconds: z.number().min(0).optional(),
  attempts: z.strictObject({ dispatches: z.number().int().min(0), notes: z.array(z.string()) }),
  notes: z.array(z.string()),
});
export type Summary = z.infer<typeof summary>;

/** results/<batch>/current.json: which run the summary shows; moves to a higher ordinal only. */
export const current = z.strictObject({ schemaVersion, run: runId, ordinal: z.number().int().min(1) });
