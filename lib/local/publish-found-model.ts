import { publishModel } from "../bucket/publish-model";
import { readDocument } from "../bucket/documents";
import { canonicalJson } from "../contract/digests";
import { modelCard, type ModelCard } from "../contract/model-card";
import { modelCardKey } from "../contract/object-keys";
import type { ObjectStore } from "../storage/object-store";
import { withCardInside } from "./card-inside";
import type { FoundModel } from "./find-model";

/**
 * Puts a model into a bucket under its card's name and others. Work is named by a model's digest, and a card that is in the bucket
 * stays: what is said of the model here, or what another card said of the same file, makes it another model.
 * @returns the card under which it is there
 */
export async function publishFoundModel(
  store: ObjectStore,
  found: FoundModel,
  furtherNames: readonly string[] = [],
): Promise<ModelCard> {
  const known = await readDocument(store, modelCardKey(found.card.sha256), modelCard);
  const isOther = known !== undefined && canonicalJson(known.value) !== canonicalJson(found.card);
  const model = found.facts || isOther ? withCardInside(found) : found;
  await publishModel(store, model, [...new Set([model.card.name, ...furtherNames])]);
  return model.card;
}
