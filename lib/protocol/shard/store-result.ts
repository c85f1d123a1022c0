import { sha256Of } from "../../contract/digests";
import { engineVersion } from "../../contract/engine-version";
import type { ObjectKey } from "../../contract/names";
import {
  explanationKey,
  figureKey,
  imageAnnotationKey,
  resultKey,
  thumbnailKey,
  twinKey,
} from "../../contract/object-keys";
import type { Plan, WorkItem } from "../../contract/plan";
import { result as resultDocument, type Explanation, type Result } from "../../contract/result";
import type { ObjectStore } from "../../storage/object-store";
import type { Clock } from "../../bucket/clock";
import { createObject } from "../../bucket/objects";
import { createDocument, requireDocument } from "../../bucket/documents";
import type { EncodedImage } from "./image-work";
import { publishAnnotation } from "./publish-annotation";

export interface Circumstances {
  readonly provider: string;
  readonly attempt: number;
  readonly timings: Result["timings"];
}

/**
 * Writes an image's files, and last of all, create-only, the result.json that names them: who finds one finds everything.
 * A twin that was faster keeps its place. Answers the result that stands, with a warning where the twin's differs from ours.
 */
export async function storeResult(
  { store, clock }: { readonly store: ObjectStore; readonly clock: Clock },
  plan: Plan,
  item: WorkItem,
  encoded: EncodedImage,
  { provider, attempt, timings }: Circumstances,
): Promise<Result> {
  const { batch, run, settings, model } = plan;
  const { key, work, etag, region, label } = item;
  const explanations: Explanation[] = [];
  for (const { method, parameters, target, completeness, heatmap, overlay, map } of encoded.explanations) {
    explanations.push({
      method,
      parameters,
      target,
      completeness,
      mapSha256: sha256Of(map),
      heatmap: await storeFile(store, explanationKey(batch, key, work, method, "heatmap.png"), heatmap, "image/png"),
      overlay: await storeFile(store, explanationKey(batch, key, work, method, "overlay.png"), overlay, "image/png"),
      map: await storeFile(store, explanationKey(batch, key, work, method, "map.npy"), map, "application/octet-stream"),
    });
  }
  const thumbnail = await storeFile(store, thumbnailKey(batch, key, work), encoded.thumbnail, "image/jpeg");
  const figure = encoded.figure && (await storeFile(store, figureKey(batch, key, work), encoded.figure, "image/png"));
  if (encoded.annotation !== undefined)
    await storeFile(
      store,
      imageAnnotationKey(batch, key, work),
      Buffer.from(encoded.annotation),
      "application/geo+json",
    );
  const ours: Result = {
    schemaVersion: 1,
    work,
    run,
    createdAt: clock.now().toISOString(),
    image: { key, etag, ...encoded.image, ...(region ? { region } : {}), ...(label === undefined ? {} : { label }) },
    seen: encoded.seen,
    model: { name: model.name, sha256: model.sha256 },
    engineVersion,
    settings,
    provider,
    prediction: encoded.prediction,
    explanations,
    thumbnail,
    ...(figure === undefined ? {} : { figure }),
    timings,
    attempts: attempt,
    warnings: [...encoded.warnings],
  };
  const where = resultKey(batch, key, work);
  if (encoded.annotation !== undefined) await publishAnnotation({ store, clock }, plan, item, encoded.annotation);
  if (await createDocument(store, where, ours)) return ours;
  const theirs = await requireDocument(store, where, resultDocument);
  return agree(ours, theirs)
    ? theirs
    : {
        ...theirs,
        warnings: [...theirs.warnings, "Two workers' results for this image differ; the first one stands."],
      };
}

/** Twins must agree in what they say; when they said it, and how long they took, may differ. */
function agree(one: Result, other: Result): boolean {
  return one.prediction.classIndex === other.prediction.classIndex && mapDigests(one) === mapDigests(other);
}

const mapDigests = ({ explanations }: Result): string =>
  explanations.map(({ method, mapSha256 }) => `${method} ${mapSha256}`).join("\n");

/** Files are never overwritten: other bytes, left by a twin or a crash, are kept and ours go beside them. */
async function storeFile(
  store: ObjectStore,
  key: ObjectKey,
  bytes: Uint8Array,
  contentType: string,
): Promise<ObjectKey> {
  if (await createObject(store, key, bytes, contentType)) return key;
  const found = await store.read(key);
  if (Buffer.compare(found.body, bytes) === 0) return key;
  const beside = twinKey(key, sha256Of(bytes));
  await createObject(store, beside, bytes, contentType);
  return beside;
}
