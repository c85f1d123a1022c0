import { z } from "zod";
import { UserError } from "./errors";
import { batchName, runId } from "./names";

/** What a worker is told: by the stack's job definition (bucket, provider), by the submission (what to do) and by AWS Batch (index, attempt). */
const workerTask = z.strictObject({
  bucket: z.string().min(1),
  provider: z.enum(["cpu", "cuda"]),
  batch: batchName,
  run: runId,
  /** Dispatch number and part: which record under dispatch/ says what the array's indexes mean. */
  number: z.coerce.number().int().min(0),
  part: z.coerce.number().int().min(0),
  index: z.coerce.number().int().min(0).max(9_999),
  attempt: z.coerce.number().int().min(1),
});
export type WorkerTask = z.infer<typeof workerTask>;

/** Batch names may hold any character; environment variables may not. */
const encoded = (batch: string): string => encodeURIComponent(batch);

export function submissionEnvironment(
  task: Pick<WorkerTask, "batch" | "run" | "number" | "part">,
): Record<string, string> {
  return {
    CYTOLENS_BATCH: encoded(task.batch),
    CYTOLENS_RUN: task.run,
    CYTOLENS_DISPATCH: String(task.number),
    CYTOLENS_PART: String(task.part),
  };
}

/** Reads a job's environment. A job that is no array has index 0. Throws a UserError naming what is missing or wrong. */
export function workerTaskFrom(environment: Readonly<Record<string, string | undefined>>): WorkerTask {
  const parsed = workerTask.safeParse({
    bucket: environment["CYTOLENS_BUCKET"],
    provider: environment["CYTOLENS_PROVIDER"] ?? "cpu",
    batch: decoded(environment["CYTOLENS_BATCH"]),
    run: environment["CYTOLENS_RUN"],
    number: environment["CYTOLENS_DISPATCH"],
    part: environment["CYTOLENS_PART"],
    index: environment["AWS_BATCH_JOB_ARRAY_INDEX"] ?? 0,
    attempt: environment["AWS_BATCH_JOB_ATTEMPT"] ?? 1,
  });
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  throw new UserError(
    "worker.environment",
    `Expected a job's environment (CYTOLENS_BUCKET, _BATCH, _RUN, _DISPATCH, _PART) but received ${problems.join("; ")}`,
  );
}

function decoded(batch: string | undefined): string | undefined {
  try {
    return batch === undefined ? undefined : decodeURIComponent(batch);
  } catch {
    return batch;
  }
}
