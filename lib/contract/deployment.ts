import { z } from "zod";
import { schemaVersion, timestamp } from "./names";

/** deployment.json: written by the stack at deploy, read by the command line. */
export const deployment = z.strictObject({
  schemaVersion,
  stack: z.string(),
  /** ARNs. */
  queue: z.string(),
  training: z
    .strictObject({
      jobDefinition: z.string(),
      /** What data set and model together may take up, MiB: half of the machine's disk. */
      roomMiB: z.coerce.number().int().min(1),
    })
    .nullable(),
});
export type Deployment = z.infer<typeof deployment>;

/** training/<name>/claim.json: the job that trains under this name; null until it has been submitted. */
export const trainingClaim = z.strictObject({ schemaVersion, submittedAt: timestamp, jobId: z.string().nullable() });
export type TrainingClaim = z.infer<typeof trainingClaim>;

/** A training's name: a folder in the bucket, and part of a job's name. */
export const trainingName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/, "Expected up to 100 letters, digits, dashes and underscores");

/** What a training job is told in its environment. */
export const trainingTask = z.object({
  CYTOLENS_BUCKET: z.string().min(1),
  CYTOLENS_TRAINING: trainingName,
  /** The words after `cytolens train <data> -o <out>`, as JSON. */
  CYTOLENS_TRAINING_FLAGS: z.string().transform((text, context) => {
    try {
      return z.array(z.string()).parse(JSON.parse(text));
    } catch {
      context.addIssue({ code: "custom", message: "Expected a JSON array of words" });
      return z.NEVER;
    }
  }),
});
