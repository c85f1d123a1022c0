import { classIndexOf } from "../../contract/class-index";
import { sha256 as sha256Schema, type BatchName, type Sha256 } from "../../contract/names";
import { UserError } from "../../contract/errors";
import { modelCard, modelPointer, type ModelCard } from "../../contract/model-card";
import { batchSettingsKey, modelCardKey, modelKey, modelNameKey } from "../../contract/object-keys";
import { defaultSettings, parseSettings, type Settings } from "../../contract/settings";
import type { ObjectStore } from "../../storage/object-store";
import { readDocument } from "../../bucket/documents";
import { readIfPresent } from "../../bucket/objects";

export interface FrozenModel {
  readonly name: string;
  readonly sha256: Sha256;
  readonly card: ModelCard;
}

export interface Frozen {
  readonly settings: Settings;
  readonly model: FrozenModel;
}

const largestSettingsBytes = 262_144;

/** What batch.json and the bucket's models say now. Throws UserError when no run could be made of them. */
export async function freezeSettings(store: ObjectStore, batch: BatchName): Promise<Frozen> {
  const settings = await readSettings(store, batch);
  const model = await resolveModel(store, settings.model);
  checkTarget(settings, model.card);
  return { settings, model };
}

/** What batch.json says, or the defaults. Throws UserError when it cannot be used. */
export async function readSettings(store: ObjectStore, batch: BatchName): Promise<Settings> {
  const facts = await store.head(batchSettingsKey(batch));
  if (!facts) return defaultSettings;
  if (facts.size > largestSettingsBytes) {
    throw new UserError(
      "settings.too-large",
      `Expected a batch.json of at most ${largestSettingsBytes} bytes but received ${facts.size}`,
    );
  }
  const found = await readIfPresent(store, batchSettingsKey(batch));
  return found ? parseSettings(found.body) : defaultSettings;
}

/** A name is a pointer; only a digest whose files are in the bucket may be used. */
async function resolveModel(store: ObjectStore, name: string): Promise<FrozenModel> {
  const digest = name.startsWith("sha256:") ? sha256Schema.safeParse(name.slice("sha256:".length)) : undefined;
  if (digest && !digest.success)
    throw new UserError(
      "model.bad-digest",
      `Expected 64 lower-case hex digits after sha256: in model but received ${JSON.stringify(name)}`,
    );
  const found = digest?.data ?? (await readDocument(store, modelNameKey(name), modelPointer))?.value.sha256;
  if (!found) {
    throw new UserError(
      "model.unknown",
      `Expected the name of a model published in this bucket but received ${JSON.stringify(name)}; publish it first (cytolens model publish)`,
    );
  }
  return modelByDigest(store, name, found);
}

/** The model with its card, which must be in the bucket; `name` is what people called it. */
export async function modelByDigest(store: ObjectStore, name: string, digest: Sha256): Promise<FrozenModel> {
  const card = await readDocument(store, modelCardKey(digest), modelCard);
  if (!card || !(await store.head(modelKey(digest)))) {
    throw new UserError(
      "model.missing",
      `Expected the model ${JSON.stringify(name)} (sha256 ${digest}) in this bucket but its files are not there; publish it again`,
    );
  }
  if (card.value.sha256 !== digest) {
    throw new UserError(
      "model.wrong-card",
      `Expected the card of model ${digest} but received one for ${card.value.sha256}; publish the model again`,
    );
  }
  return { name: name.startsWith("sha256:") ? card.value.name : name, sha256: digest, card: card.value };
}

function checkTarget({ target }: Settings, { classes }: ModelCard): void {
  if (target !== "predicted") classIndexOf(target.class, classes);
}
