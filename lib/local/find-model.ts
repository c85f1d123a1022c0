import { existsSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { sha256Of } from "../contract/digests";
import { UserError } from "../contract/errors";
import { modelCard, type ModelCard } from "../contract/model-card";
import { classModelOf } from "../inference/class-model";
import { readModelFolder } from "../networks/model-folder";
import { readModel } from "../onnx/read-model";
import type { PublishableModel } from "../bucket/publish-model";

/** The model that is used when none is named: trained on phantoms by this project's own trainer, shipped with it. */
export const shippedModel = path.join(__dirname, "..", "..", "..", "models", "phantom-densenet121-rca");

/** A model from an ONNX file (a card beside it is optional), a model folder, or "default". Undefined for any other word: a name in the bucket. */
export async function findModel(asked: string): Promise<PublishableModel | undefined> {
  if (asked === "default") return readModelFolder(shippedModel);
  const found = await stat(asked).catch(() => undefined);
  if (found?.isDirectory()) return readModelFolder(asked);
  if (found) return bareModel(asked);
  if (/[\\/]|\.onnx$/.test(asked))
    throw new UserError("model.not-found", `Expected an ONNX file or a model folder at ${asked} but nothing is there`);
  return undefined;
}

/** An ONNX classifier without a card: classes are numbered, and the input is taken to be ImageNet-normalised RGB. */
async function bareModel(file: string): Promise<PublishableModel> {
  const bytes = await readFile(file);
  const beside = path.join(path.dirname(file), "card.json");
  if (existsSync(beside)) {
    const card = modelCard.safeParse(JSON.parse(await readFile(beside, "utf8")));
    if (card.success && card.data.sha256 === sha256Of(bytes)) return { bytes, card: card.data };
  }
  return { bytes, card: cardFor(file, bytes) };
}

function cardFor(file: string, bytes: Uint8Array): ModelCard {
  const { input, classes } = classModelOf(readModel(bytes));
  if (classes === undefined)
    throw new UserError(
      "model.no-card",
      `Expected ${file} to say how many classes it tells apart, or a card.json beside it that does, but found neither`,
    );
  const name =
    path
      .basename(file)
      .replace(/\.onnx$/i, "")
      .replace(/[^A-Za-z0-9._-]+/g, "-")
      .replace(/^[^A-Za-z0-9]+/, "")
      .slice(0, 100) || "model";
  return modelCard.parse({
    schemaVersion: 1,
    name,
    title: name,
    sha256: sha256Of(bytes),
    classes: Array.from({ length: classes }, (_, index) => `class ${index}`),
    input: {
      name: input.name,
      height: input.height,
      width: input.width,
      layout: input.layout,
      channels: input.channels === 1 ? "grey" : "RGB",
    },
    data: { description: "Unknown: the model came without a card." },
    limits: ["It came without a card: class names are numbers, and ImageNet's normalisation is a guess."],
  });
}
