import { z } from "zod";
import { modelCard } from "./model-card";
import { batchName, objectKey, runId, schemaVersion, sha256, timestamp, workId } from "./names";
import { region } from "./region";
import { settings } from "./settings";

/** One line of a shard: an image (or a region of a slide) to classify and explain. */
export const workItem = z.strictObject({
  work: workId,
  key: objectKey,
  etag: z.string().min(1),
  size: z.number().int().min(0),
  region: region.optional(),
  /** The true class, where labels come from folder names. */
  label: z.string().optional(),
});
export type WorkItem = z.infer<typeof workItem>;

/** runs/<batch>/<run>/plan.json: created once, never changed. */
export const plan = z.strictObject({
  schemaVersion,
  batch: batchName,
  run: runId,
  /** 1 for a batch's first run, one more for each later one. */
  ordinal: z.number().int().min(1),
  createdAt: timestamp,
  closedBy: z.enum(["idle", "ready-marker", "command"]),
  /** The listing's identity; `run` differs from it when the same listing had to be run again. */
  identity: runId,
  draft: z.string().min(1),
  /** When the listing began: later activity belongs to a later run. */
  listedAt: timestamp,
  /** Items in each page of the draft, the last one excepted. */
  itemsPerPage: z.number().int().min(1),
  /** Shard s holds the items from s × itemsPerShard on. */
  itemsPerShard: z.number().int().min(1),
  shards: z.number().int().min(0),
  /** Items planned in this run's shards. */
  items: z.number().int().min(0),
  /** Images of the batch whose work was already done or is planned in a live run. */
  alreadyDone: z.number().int().min(0),
  itemsSha256: sha256,
  settings,
  model: z.strictObject({ name: z.string(), sha256, card: modelCard }),
  engineVersion: z.string(),
  jobDefinition: z.string().nullable(),
  notes: z.array(z.string()),
});
export type Plan = z.infer<typeof plan>;

/** runs/<batch>/<run>/dispatch/<n>-<part>.json: a claim with a lease, then the job it became. */
export const dispatch = z.strictObject({
  schemaVersion,
  batch: batchName,
  run: runId,
  number: z.number().int().min(0),
  part: z.number().int().min(0),
  /** Shard numbers, in the order of the array's indexes: a range, or a list for a second try. */
  shards: z.union([
    z.strictObject({ first: z.number().int().min(0), count: z.number().int().min(1) }),
    z.array(z.number().int().min(0)).min(1),
  ]),
  queue: z.enum(["spot", "on-demand"]),
  jobName: z.string(),
  leaseUntil: timestamp,
  jobId: z.string().nullable(),
});
export type Dispatch = z.infer<typeof dispatch>;
