import { z } from "zod";
import type { ErrorCode } from "./error-codes";
import { objectKey, timestamp, workId } from "./names";

export const failure = z.strictObject({
  /** Machine-readable, for example "image.truncated". */
  code: z.string().min(1),
  /** For a person: what was expected, of what, and what came instead. */
  message: z.string(),
});
export type Failure = z.infer<typeof failure>;

/** A failure that this version records: its code is one of ours, where one that is read may be of another version. */
export type KnownFailure = Failure & { readonly code: ErrorCode };

const identity = {
  work: workId,
  key: objectKey,
  label: z.string().optional(),
  finishedAt: timestamp,
  seconds: z.number().min(0),
};

/** How the explanation held up, in the few figures a table shows. */
const explanationFigures = z.strictObject({
  method: z.string(),
  relative: z.number().nullable(),
  mapChange: z.number().nullable(),
  converged: z.boolean().nullable(),
});

/** One line of a shard's roll-up: each planned item ends as exactly one of these. */
export const outcome = z.discriminatedUnion("status", [
  z.strictObject({
    status: z.literal("succeeded"),
    ...identity,
    resultKey: objectKey,
    classIndex: z.number().int().min(0),
    className: z.string(),
    probability: z.number().min(0).max(1),
    explanations: z.array(explanationFigures),
    warnings: z.array(z.string()),
  }),
  z.strictObject({ status: z.literal("failed"), ...identity, failure }),
  z.strictObject({
    status: z.literal("skipped"),
    ...identity,
    reason: z.enum(["already-done", "superseded", "deleted", "cancelled"]),
    resultKey: objectKey.optional(),
  }),
]);
export type Outcome = z.infer<typeof outcome>;
