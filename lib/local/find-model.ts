import { stat } from "node:fs/promises";
import path from "node:path";
import { UserError } from "../contract/errors";
import type { ModelCard } from "../contract/model-card";
import { parseCard } from "../contract/parse-card";
import { loadModel } from "../inference/load-model";
import { readModelFolder, readModelWithCard } from "../networks/model-folder";
import type { PublishableModel } from "../bucket/publish-model";
import { draftCard } from "./draft-card";
import type { CardFact, ModelDescription } from "./model-description";

/** The model that is used when none is named: trained on phantoms by this project's own trainer, shipped with it. */
export const shippedModel = path.join(__dirname, "..", "..", "..", "models", "phantom-densenet121-rca");

export interface FoundModel extends PublishableModel {
  /** Where the card's values come from; undefined for a card that was there and stands as it is. */
  readonly facts?: readonly CardFact[];
}

/**
 * A model from an ONNX file (a card.json beside it is used, or refused with its reason), a model folder, or "default", with what
 * is said of it here. Undefined for any other word: a name in the bucket.
 * @throws UserError "model.not-found"; ModelError for a model that cannot be used, or a card that does not fit it
 */
export async function findModel(asked: string, given: ModelDescription = {}): Promise<FoundModel | undefined> {
  const place = asked === "default" ? shippedModel : asked;
  const found = await stat(place).catch(() => undefined);
  if (!found) {
    if (/[\\/]|\.onnx$/.test(asked))
      throw new UserError(
        "model.not-found",
        `Expected an ONNX file or a model folder at ${asked} but nothing is there`,
      );
    return undefined;
  }
  const { bytes, card } = found.isDirectory() ? await readModelFolder(place) : await readModelWithCard(place);
  const described = card ? withDescription(card, given) : await draftCard(place, bytes, given);
  if (asked !== "default" || described.facts) await refuseUnusable(bytes, described.card);
  return { bytes, ...described };
}

/** The card with what is given in the place of what it says. */
function withDescription(card: ModelCard, given: ModelDescription): { card: ModelCard; facts?: readonly CardFact[] } {
  const { size, mean, std, scale, channels, layout, input, classes, output, head, ...others } = given;
  const changes = {
    ...withoutUndefined({ classes, output, head, ...others }),
    input: {
      ...card.input,
      ...size,
      ...withoutUndefined({ mean, std, scale, channels, layout, name: input }),
    },
  };
  const facts = Object.entries(given).flatMap(([field, value]): CardFact[] =>
    value === undefined ? [] : [{ field, value: textOf(value), origin: "given", from: `--${field}` }],
  );
  if (facts.length === 0) return { card };
  return { card: parseCard({ ...card, ...changes }, "the card with what the command line says"), facts };
}

function textOf(value: unknown): string {
  return Array.isArray(value) ? value.join(", ") : typeof value === "string" ? value : JSON.stringify(value);
}

/** What cannot work for any image is found out before the first. */
async function refuseUnusable(bytes: Uint8Array, card: ModelCard): Promise<void> {
  const classifier = await loadModel(bytes, { card, cacheFolder: null });
  await classifier.close();
}

function withoutUndefined(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
