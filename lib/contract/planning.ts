import { z } from "zod";
import { batchName, objectKey, runId, schemaVersion, sha256, timestamp } from "./names";
import { failure } from "./outcome";
import { workItem } from "./plan";
import { settings } from "./settings";

/** What closed a batch: stillness, its _READY marker, or a person at the command line. */
const closing = z.strictObject({
  by: z.enum(["idle", "ready-marker", "command"]),
  /** With a marker: objects newer than it belong to a later run. */
  coversUntil: timestamp.nullable(),
});
export type Closing = z.infer<typeof closing>;

/** runs/<batch>/activity.json: when the batch was last touched, whether a tick is on its way, which draft is unfinished. */
export const activity = z.strictObject({
  schemaVersion,
  batch: batchName,
  lastEventAt: timestamp,
  tickDueAt: timestamp.nullable(),
  /** When the batch was last listed to the end. */
  listedAt: timestamp.nullable(),
  /** What it listed as then. */
  listedAs: runId.nullable(),
  drafting: z.strictObject({ draft: z.string().min(1), closing }).nullable(),
});
export type Activity = z.infer<typeof activity>;

/** How far a draft has come: all that is needed to go on listing in another process. */
export const draftProgress = z.strictObject({
  schemaVersion,
  batch: batchName,
  draft: z.string().min(1),
  startedAt: timestamp,
  /** Until then one planner alone works on the draft. */
  leaseUntil: timestamp,
  settings,
  modelSha256: sha256,
  /** The last key seen; null before the first. */
  after: objectKey.nullable(),
  identityState: sha256,
  itemsState: sha256,
  pages: z.number().int().min(0),
  items: z.number().int().min(0),
  /** Items that no earlier run has failed at: without any there is no reason for a new run. */
  fresh: z.number().int().min(0),
  /** Plans there were when the draft was begun: a draft that knows fewer than there are is begun again. */
  plansSeen: z.number().int().min(0),
  images: z.number().int().min(0),
  alreadyDone: z.number().int().min(0),
  newerThanMarker: z.number().int().min(0),
  hidden: z.number().int().min(0),
  /** Items of the page that is not full yet. */
  pending: z.array(workItem),
});
export type DraftProgress = z.infer<typeof draftProgress>;

/** runs/<batch>/ordinals/<n>.json: gives each run of a batch its place, create-only. */
export const ordinalClaim = z.strictObject({
  schemaVersion,
  batch: batchName,
  ordinal: z.number().int().min(1),
  run: runId,
});
export type OrdinalClaim = z.infer<typeof ordinalClaim>;

/** runs/<batch>/closed.json: nothing of the batch is left to do for the activity up to `lastEventAt`. */
export const closedMarker = z.strictObject({
  schemaVersion,
  batch: batchName,
  closedAt: timestamp,
  lastEventAt: timestamp.nullable(),
  /** Whether the reconciler has compared the bucket with the last plan since, to find images whose events were lost. */
  verified: z.boolean(),
});
export type ClosedMarker = z.infer<typeof closedMarker>;

/** runs/reconciler.json: what the reconciler need not look at every time, and where it was. Lost, it is made anew. */
export const reconcilerNotes = z.strictObject({
  schemaVersion,
  /** Batches that were closed and compared with the bucket, in order: a few of them are looked at in each round, in turn. */
  settled: z.array(batchName),
  /** The last of them that was looked at. */
  settledAfter: z.string(),
  /** The last of the others that was looked at, where the time was over before their end; empty otherwise. */
  openAfter: z.string(),
});
export type ReconcilerNotes = z.infer<typeof reconcilerNotes>;

/** runs/<batch>/rejected.json: why the batch could not be planned when it was last looked at; null once it could. */
export const rejection = z.strictObject({
  schemaVersion,
  batch: batchName,
  at: timestamp,
  failure: failure.nullable(),
});
