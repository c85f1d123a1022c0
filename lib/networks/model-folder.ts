import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { sha256Of } from "../contract/digests";
import { ModelError, UserError } from "../contract/errors";
import { modelCard, type ModelCard, type ModelCardInput } from "../contract/model-card";
import { currentSchemaVersion } from "../contract/names";

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
 * @throws UserError "model.not-found"; ModelError "model.card" or "model.digest-mismatch"
 */
export async function readModelFolder(folder: string): Promise<ModelFolder> {
  const bytes = await readExisting(path.join(folder, modelFileName));
  const cardFile = path.join(folder, cardFileName);
  const text = Buffer.from(await readExisting(cardFile)).toString("utf8");
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new ModelError("model.card", `Expected JSON in ${cardFile} but received: ${(cause as Error).message}`, {
      cause,
    });
  }
  const card = parseCard(json, cardFile);
  const digest = sha256Of(bytes);
  if (digest !== card.sha256) {
    throw new ModelError(
      "model.digest-mismatch",
      `Expected ${modelFileName} in ${folder} to have the sha256 ${card.sha256} of its card but it has ${digest}`,
    );
  }
  return { bytes, card };
}

function parseCard(json: unknown, where: string): ModelCard {
  const result = modelCard.safeParse(json);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new ModelError(
    "model.card",
    `Expected a model card in ${where} but ${issue?.path.join(".") || "it"} is wrong: ${issue?.message}`,
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
