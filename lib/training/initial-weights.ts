import { stat } from "node:fs/promises";
import path from "node:path";
import { UserError } from "../contract/errors";
import { backboneFile, networksWithBackbone } from "../networks/backbones";
import { initializeWeights } from "../networks/initialize";
import { loadWeights } from "../networks/load-weights";
import { readModelFolder, weightsFileName } from "../networks/model-folder";
import type { NetworkDefinition } from "../networks/network";
import { readCheckpointFile } from "../networks/read-checkpoint-file";
import type { Tensor } from "../onnx/model";

export interface FirstWeights {
  /** "none", "imagenet", a checkpoint (.safetensors, .pth), or the folder of a model that was trained here; see `weightsFile`. */
  readonly weights?: string | undefined;
  /** Draws a new head even where the classes are as many. */
  readonly newHead?: boolean | undefined;
  readonly seed: number;
}

/**
 * The file with the weights that training begins from; undefined where all are drawn. Unless told, that is ImageNet's for networks
 * that come with them.
 * @throws UserError "training.weights" where there is none, or its card is of another network
 */
export async function weightsFile(network: string, asked: string | undefined): Promise<string | undefined> {
  if (asked === undefined) return backboneFile(network);
  if (asked === "none") return undefined;
  if (asked === "imagenet") {
    const file = backboneFile(network);
    if (file !== undefined) return file;
    throw new UserError(
      "training.weights",
      `Expected a network whose ImageNet weights are carried here (${networksWithBackbone.join(", ")}) but received ${network}`,
    );
  }
  const found = await stat(asked).catch((cause: NodeJS.ErrnoException) => {
    throw new UserError(
      "training.weights",
      `Expected "none", "imagenet", a checkpoint or a model folder to begin from but received "${asked}": ${cause.code ?? cause.message}`,
      { cause },
    );
  });
  if (!found.isDirectory()) return asked;
  const { card } = await readModelFolder(asked);
  if (card.network !== network)
    throw new UserError(
      "training.weights",
      `Expected the model of a ${network} in ${asked} to begin from but its card says ${card.network ?? "of no network"}`,
    );
  return path.join(asked, weightsFileName);
}

/**
 * The weights that training begins from: drawn from the seed, or read, the head drawn anew where it is left out, has other classes, or
 * `newHead` says so.
 * @throws UserError "training.weights"; ModelError "weights.mismatch", "safetensors.…", "checkpoint.…"
 */
export async function initialWeights(
  network: NetworkDefinition,
  { weights, newHead = false, seed }: FirstWeights,
): Promise<ReadonlyMap<string, Tensor>> {
  const file = await weightsFile(network.name, weights);
  if (file === undefined) return initializeWeights(network, seed);
  const { tensors } = await readCheckpointFile(file);
  return loadWeights(network, tensors, { head: newHead || !fitsHead(network, tensors) ? "replace" : "match", seed });
}

/** Whether the tensors' head is there and has as many classes. */
function fitsHead(network: NetworkDefinition, tensors: ReadonlyMap<string, Tensor>): boolean {
  const head = network.parameters.find((parameter) => parameter.head && parameter.role === "linear");
  if (head === undefined) return true;
  const names = [head.name, ...[...network.aliases].filter(([, own]) => own === head.name).map(([alias]) => alias)];
  const found = names.map((name) => tensors.get(name)).find((tensor) => tensor !== undefined);
  return found !== undefined && found.dims[0] === head.shape[0];
}
