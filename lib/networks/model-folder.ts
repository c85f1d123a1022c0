import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { sha256Of } from "../contract/digests";
import { ModelError, UserError } from "../contract/errors";
import type { ModelCard, ModelCardInput } from "../contract/model-card";
import { currentSchemaVersion } from "../contract/names";
import { parseCard, parseCardText } from "../contract/parse-card";
import { readModelFile, wholeModel, type ModelFile } from "./read-model-file";

export const modelFileName = "model.onnx";
export const cardFileName = "card.json";
/** As `sha256sum` writes it, so that `sha256sum --check` works in the folder. */
const digestFileName = "model.onnx.sha256";
/** Beside a model that was trained here: its weights by name, to continue from. */
export const weightsFileName = "weights.safetensors";

export interface ModelFolder {
  readonly bytes: Uint8Array;
  readonly card: ModelCard;
}

/** Writes model.onnx, its digest and the card that describes it; returns the card. */
export async function writeModelFolder(
  folder: string,
  model: Uint8Array,
  description: Omit<ModelCardInput, "schemaVersion" | "sha256">,
): Promise<ModelCard> {
  const digest = sha256Of(model);
  const card = parseCard({ ...description, schemaVersion: currentSchemaVersion, sha256: digest }, "the card to write");
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, modelFileName), model);
  await writeFile(path.join(folder, digestFileName), `${digest}  ${modelFileName}\n`);
  await writeFile(path.join(folder, cardFileName), `${JSON.stringify(card, null, 2)}\n`);
  return card;
}

/**
 * Reads a model folder and holds the model against the digest in its card.
 * @throws UserError "model.not-found"; ModelError "model.card", "model.digest-mismatch", and as `wholeModel`
 */
export async function readModelFolder(folder: string): Promise<ModelFolder> {
  const file = await readExisting(path.join(folder, modelFileName));
  const cardFile = path.join(folder, cardFileName);
  const card = parseCardText(await readExisting(cardFile), cardFile);
  return withCard({ file, bytes: wholeModel(file, folder) }, card, path.join(folder, modelFileName));
}

/**
 * An ONNX file on this machine, with the card that lies beside it if there is one: it is used, or refused with its reason.
 * @throws as `readModelFile`; ModelError "model.card" or "model.digest-mismatch"
 */
export async function readModelWithCard(
  name: string,
): Promise<{ readonly bytes: Uint8Array; readonly card?: ModelCard }> {
  const model = await readModelFile(name);
  const cardFile = path.join(path.dirname(name), cardFileName);
  const text = await readFile(cardFile).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw new ModelError("model.card", `Expected to read ${cardFile} but it cannot be read (${error.code})`, {
      cause: error,
    });
  });
  return text === undefined ? { bytes: model.bytes } : withCard(model, parseCardText(text, cardFile), name);
}

/** A card may name the digest of the file alone: with weights beside it, it then stands for the whole. */
function withCard({ file, bytes }: ModelFile, card: ModelCard, name: string): ModelFolder {
  const [ofFile, ofModel] = [sha256Of(file), sha256Of(bytes)];
  if (card.sha256 === ofModel) return { bytes, card };
  if (card.sha256 === ofFile)
    return { bytes, card: { ...card, sha256: ofModel, source: { file: path.basename(name), sha256: ofFile } } };
  throw new ModelError(
    "model.digest-mismatch",
    `Expected ${name} to have the sha256 ${card.sha256} of its card but it has ${ofModel}: ${cardFileName} there is of another model, or of an earlier version of this one`,
  );
}

async function readExisting(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new UserError(
      "model.not-found",
      `Expected a model folder with ${path.basename(file)} but found none at ${file}`,
      { cause },
    );
  }
}
