import type { ModelCard, ModelCardInput } from "../contract/model-card";
import type { Tensor } from "../onnx/model";
import { writeModel } from "../onnx/write-model";
import { networkNamed } from "./catalogue";
import { cardInputOf } from "./card-input";
import { loadWeights } from "./load-weights";
import { writeModelFolder } from "./model-folder";
import { readSafetensors } from "./safetensors";

export interface ImportOptions {
  /** A name of the catalogue, "densenet121-rca" for example. */
  readonly network: string;
  readonly classes: readonly string[];
  /** Height and width that the network was trained at. Default: 224. */
  readonly size?: number | undefined;
  /** What else the card should say; how the input is made, and where the weights come from. */
  readonly card?: Partial<Omit<ModelCardInput, "schemaVersion" | "sha256" | "classes" | "network">>;
}

/**
 * Turns a checkpoint trained elsewhere into a model folder: model.onnx with a symbolic batch, its card and digest.
 * @param checkpoint the network's tensors under their PyTorch names, float32: a .safetensors file's bytes, or tensors
 * that `readCheckpointFile` found
 * @throws UserError "network.…"; ModelError "safetensors.…", "weights.mismatch" or "model.card"
 */
export async function importCheckpoint(
  folder: string,
  checkpoint: Uint8Array | ReadonlyMap<string, Tensor>,
  { network: name, classes, size = 224, card = {} }: ImportOptions,
): Promise<ModelCard> {
  const network = networkNamed(name, { classes: classes.length, size });
  const weights = loadWeights(network, checkpoint instanceof Uint8Array ? readSafetensors(checkpoint) : checkpoint);
  const model = network.build(weights);
  return await writeModelFolder(folder, writeModel(model), {
    name,
    title: `${name}, imported weights`,
    data: { description: "Not recorded: the weights were trained elsewhere." },
    ...card,
    network: name,
    classes: [...classes],
    featureLayer: network.featureLayer,
    output: "logits",
    head: "softmax",
    input: { height: size, width: size, ...cardInputOf(network), ...card.input, name: "input" },
  });
}
