import { ModelError } from "../contract/errors";
import type { ModelCard } from "../contract/model-card";
import { modelCardKey, modelKey, modelNameKey } from "../contract/object-keys";
import { createDocument } from "./documents";
import { createObject } from "./objects";
import type { ObjectStore } from "../storage/object-store";

export interface PublishableModel {
  readonly bytes: Uint8Array;
  readonly card: ModelCard;
}

/** Puts a model into a bucket under its digest and points names at it: from then on batches there may use it. */
export async function publishModel(
  store: ObjectStore,
  { bytes, card }: PublishableModel,
  names: readonly string[] = [card.name],
): Promise<void> {
  await createFile(store, bytes, card);
  await createDocument(store, modelCardKey(card.sha256), card);
  for (const name of names) {
    await store.write(
      modelNameKey(name),
      `${JSON.stringify({ schemaVersion: 1, name, sha256: card.sha256 }, null, 2)}\n`,
      { contentType: "application/json" },
    );
  }
}

async function createFile(store: ObjectStore, bytes: Uint8Array, { sha256 }: ModelCard): Promise<void> {
  if (await createObject(store, modelKey(sha256), bytes, "application/octet-stream")) return;
  const facts = await store.head(modelKey(sha256));
  if (facts?.size !== bytes.length)
    throw new ModelError(
      "model.damaged",
      `Expected ${bytes.length} bytes of model ${sha256} in ${store.description} but found ${facts?.size ?? 0}: remove the file and publish again`,
    );
}
