import { sha256Of } from "./digests";
import type { BatchName, ObjectKey, RunId, Sha256, WorkId } from "./names";

/** Every key in the bucket is made or taken apart here. */

const key = (text: string): ObjectKey => text as ObjectKey;

export const incomingPrefix = "incoming/";
export const runsPrefix = "runs/";
export const resultsPrefix = "results/";
export const modelsPrefix = "models/";
/** Data sets, checkpoints and what training made; a person publishes from here to models/. */
export const trainingPrefix = "training/";

/** What the stack tells the command line about itself. */
export const deploymentKey = "deployment.json" as ObjectKey;
/** A training's data set, and what `cytolens train` keeps in its folder: checkpoint, progress page, at last the model. */
export const trainingDataPrefix = (name: string): string => `${trainingPrefix}${name}/data/`;
/** Whose job a training is. */
export const trainingClaimKey = (name: string): ObjectKey => key(`${trainingPrefix}${name}/claim.json`);
export const trainingRunPrefix = (name: string): string => `${trainingPrefix}${name}/run/`;

export const incomingBatchPrefix = (batch: BatchName): string => `${incomingPrefix}${batch}/`;
export const batchSettingsKey = (batch: BatchName): ObjectKey => key(`${incomingBatchPrefix(batch)}batch.json`);
export const readyMarkerKey = (batch: BatchName): ObjectKey => key(`${incomingBatchPrefix(batch)}_READY`);

/** What an object under incoming/ is; `stray` lies directly under incoming/ and belongs to no batch, `hidden` is what file managers leave behind. */
export type IncomingObject =
  | {
      readonly kind: "image" | "settings" | "ready" | "folder" | "hidden";
      readonly batch: string;
      readonly path: string;
    }
  | { readonly kind: "stray" }
  | { readonly kind: "elsewhere" };

export function incomingObject(objectKey: string): IncomingObject {
  if (!objectKey.startsWith(incomingPrefix)) return { kind: "elsewhere" };
  const rest = objectKey.slice(incomingPrefix.length);
  const slash = rest.indexOf("/");
  if (slash <= 0) return { kind: "stray" };
  const batch = rest.slice(0, slash);
  const path = rest.slice(slash + 1);
  if (path === "" || path.endsWith("/")) return { kind: "folder", batch, path };
  if (path === "batch.json") return { kind: "settings", batch, path };
  if (path === "_READY") return { kind: "ready", batch, path };
  if (/(^|\/)(\.[^/]*|Thumbs\.db|desktop\.ini)$/.test(path)) return { kind: "hidden", batch, path };
  return { kind: "image", batch, path };
}

/** Where the reconciler keeps what it need not look at again; in no batch's folder. */
export const reconcilerKey = "runs/reconciler.json" as ObjectKey;
export const batchRunsPrefix = (batch: BatchName): string => `${runsPrefix}${batch}/`;
export const activityKey = (batch: BatchName): ObjectKey => key(`${batchRunsPrefix(batch)}activity.json`);
export const closedMarkerKey = (batch: BatchName): ObjectKey => key(`${batchRunsPrefix(batch)}closed.json`);
export const rejectionKey = (batch: BatchName): ObjectKey => key(`${batchRunsPrefix(batch)}rejected.json`);
export const ordinalsPrefix = (batch: BatchName): string => `${batchRunsPrefix(batch)}ordinals/`;
export const ordinalKey = (batch: BatchName, ordinal: number): ObjectKey =>
  key(`${ordinalsPrefix(batch)}${String(ordinal).padStart(6, "0")}.json`);
export const draftPageKey = (batch: BatchName, draft: string, page: number): ObjectKey =>
  key(`${batchRunsPrefix(batch)}drafts/${draft}/page-${String(page).padStart(6, "0")}.jsonl`);
export const draftProgressKey = (batch: BatchName, draft: string): ObjectKey =>
  key(`${batchRunsPrefix(batch)}drafts/${draft}/progress.json`);

const runPrefix = (batch: BatchName, run: RunId): string => `${batchRunsPrefix(batch)}${run}/`;
export const planKey = (batch: BatchName, run: RunId): ObjectKey => key(`${runPrefix(batch, run)}plan.json`);
export const dispatchPrefix = (batch: BatchName, run: RunId): string => `${runPrefix(batch, run)}dispatch/`;
export const dispatchKey = (batch: BatchName, run: RunId, number: number, part: number): ObjectKey =>
  key(`${dispatchPrefix(batch, run)}${number}-${part}.json`);
export const rollUpPrefix = (batch: BatchName, run: RunId): string => `${runPrefix(batch, run)}shards/`;
export const rollUpKey = (batch: BatchName, run: RunId, number: number, shard: number): ObjectKey =>
  key(`${rollUpPrefix(batch, run)}${number}-${shard}.jsonl`);
/** Where a worker notes the images it has in flight, so that the one that kills workers can be quarantined. */
export const suspectKey = (batch: BatchName, run: RunId, number: number, shard: number): ObjectKey =>
  key(`${runPrefix(batch, run)}suspects/${number}-${shard}.json`);
export const runSummaryKey = (batch: BatchName, run: RunId): ObjectKey => key(`${runPrefix(batch, run)}summary.json`);

/** Batch accepts letters, digits, - and _ in a job's name; a run's id is hex. */
export const jobName = (run: RunId, number: number, part: number): string => `${run}-${number}-${part}`;

export const batchResultsPrefix = (batch: BatchName): string => `${resultsPrefix}${batch}/`;
export const summaryKey = (batch: BatchName): ObjectKey => key(`${batchResultsPrefix(batch)}summary.json`);
export const csvKey = (batch: BatchName): ObjectKey => key(`${batchResultsPrefix(batch)}results.csv`);
export const reportKey = (batch: BatchName): ObjectKey => key(`${batchResultsPrefix(batch)}report.html`);
export const currentKey = (batch: BatchName): ObjectKey => key(`${batchResultsPrefix(batch)}current.json`);

/** A readable, unique and harmless name for an image: a slug of its file name and 12 hex digits of its key's hash. */
function imageFolder(image: ObjectKey): string {
  const file = image.slice(image.lastIndexOf("/") + 1);
  const slug = file
    .normalize("NFKD")
    .toLowerCase()
    .replace(/\.[a-z0-9]{1,5}$/, "")
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 48)
    .replace(/^-+|-+$/g, "");
  return `${slug || "image"}-${sha256Of(image).slice(0, 12)}`;
}

const imageResultPrefix = (batch: BatchName, image: ObjectKey, work: WorkId): string =>
  `${batchResultsPrefix(batch)}images/${imageFolder(image)}/${work.slice(0, 12)}/`;
export const resultKey = (batch: BatchName, image: ObjectKey, work: WorkId): ObjectKey =>
  key(`${imageResultPrefix(batch, image, work)}result.json`);
export const thumbnailKey = (batch: BatchName, image: ObjectKey, work: WorkId): ObjectKey =>
  key(`${imageResultPrefix(batch, image, work)}thumbnail.jpg`);
export const figureKey = (batch: BatchName, image: ObjectKey, work: WorkId): ObjectKey =>
  key(`${imageResultPrefix(batch, image, work)}figure.png`);

/** Where an image's file goes when a crashed twin left other bytes under its usual name. */
export const twinKey = (usual: ObjectKey, contentDigest: Sha256): ObjectKey =>
  key(usual.replace(/(\.[a-z]+)$/, `.${contentDigest.slice(0, 12)}$1`));

export type ExplanationFile = "heatmap.png" | "overlay.png" | "map.npy";
export const explanationKey = (
  batch: BatchName,
  image: ObjectKey,
  work: WorkId,
  method: string,
  file: ExplanationFile,
): ObjectKey => key(`${imageResultPrefix(batch, image, work)}${method}.${file}`);
export const imageAnnotationKey = (batch: BatchName, image: ObjectKey, work: WorkId): ObjectKey =>
  key(`${imageResultPrefix(batch, image, work)}annotation.geojson`);
export const annotationKey = (batch: BatchName, image: ObjectKey): ObjectKey =>
  key(`${batchResultsPrefix(batch)}annotations/${imageFolder(image)}.geojson`);

const modelPrefix = (digest: Sha256): string => `${modelsPrefix}sha256/${digest}/`;
export const modelKey = (digest: Sha256): ObjectKey => key(`${modelPrefix(digest)}model.onnx`);
export const modelCardKey = (digest: Sha256): ObjectKey => key(`${modelPrefix(digest)}card.json`);
/** A pointer from a name to a digest; the digests present under models/ are the allowlist. */
export const modelNameKey = (name: string): ObjectKey => key(`${modelsPrefix}names/${name}.json`);
