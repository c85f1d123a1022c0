import { open, readFile, rename, rm } from "node:fs/promises";
import { EnvironmentError, ModelError } from "../contract/errors";
import { readJson } from "../contract/read-json";
import type { Tensor } from "../onnx/model";
import { float32Tensor } from "../onnx/tensor";
import type { TrainingIdentity } from "./training-identity";
import { readSafetensors, writeSafetensors } from "../networks/safetensors";

export interface EpochRecord {
  readonly epoch: number;
  readonly loss: number;
  readonly trainAccuracy: number;
  readonly validationLoss: number;
  readonly validationAccuracy: number;
  readonly seconds: number;
}

/** Where a run stands: all that an unbroken run would still need, so that a resumed one equals it bit for bit. */
export interface TrainingState {
  readonly network: string;
  readonly classes: readonly string[];
  /** Digest of the settings and the data; a run continues only as the run it was. */
  fingerprint: string;
  /** What the fingerprint is of; checkpoints of earlier versions have none. */
  identity?: TrainingIdentity | undefined;
  /** Epochs that were planned before the run was prolonged, in order. */
  earlierPlans?: readonly number[] | undefined;
  epoch: number;
  step: number;
  bestEpoch: number;
  bestValidation: number;
  history: EpochRecord[];
}

export interface Checkpoint {
  readonly state: TrainingState;
  readonly weights: Map<string, Float32Array>;
  readonly best: Map<string, Float32Array>;
  readonly slots: Map<string, Float32Array>;
}

const stateTensor = "cytolens.state";
const prefixes = { weights: "weights/", best: "best/", slots: "slots/" } as const;

/** Writes a checkpoint: one safetensors file, put in place whole or not at all. */
export async function writeCheckpoint(
  file: string,
  checkpoint: Checkpoint,
  shapes: ReadonlyMap<string, readonly number[]>,
): Promise<void> {
  const tensors = new Map<string, Tensor>();
  for (const part of ["weights", "best", "slots"] as const) {
    for (const [name, data] of checkpoint[part])
      tensors.set(prefixes[part] + name, float32Tensor(data, shapes.get(name) ?? [data.length]));
  }
  const text = new TextEncoder().encode(JSON.stringify(checkpoint.state));
  tensors.set(stateTensor, { dataType: "uint8", dims: [text.length], data: text });
  await writeWhole(file, writeSafetensors(tensors));
}

/** @throws ModelError "checkpoint.invalid" for a file that is no checkpoint of this trainer */
export async function readCheckpoint(file: string): Promise<Checkpoint> {
  const tensors = readSafetensors(await readFile(file));
  const text = tensors.get(stateTensor);
  if (!text)
    throw new ModelError(
      "checkpoint.invalid",
      `Expected a checkpoint with the state of a training run at ${file} but found tensors alone`,
    );
  const read = readJson(text.data as Uint8Array);
  if ("problem" in read)
    throw new ModelError(
      "checkpoint.invalid",
      `Expected the state of a training run in ${file} but received ${read.problem}`,
    );
  const state = read.value as TrainingState;
  const part = (prefix: string) =>
    new Map(
      [...tensors]
        .filter(([name]) => name.startsWith(prefix))
        .map(([name, tensor]) => [name.slice(prefix.length), tensor.data as Float32Array]),
    );
  return { state, weights: part(prefixes.weights), best: part(prefixes.best), slots: part(prefixes.slots) };
}

/**
 * Writes beside the file, flushes, and renames: whoever reads sees the old file or the new one.
 * @throws EnvironmentError "storage.full", the file there before being whole still
 */
export async function writeWhole(file: string, bytes: Uint8Array | string): Promise<void> {
  const draft = `${file}.part`;
  try {
    const handle = await open(draft, "w");
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, file);
  } catch (cause) {
    await rm(draft, { force: true });
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "ENOSPC" || code === "EDQUOT")
      throw new EnvironmentError(
        "storage.full",
        `Expected room to write ${file} but the disk is full; what was written before is whole`,
        { cause },
      );
    throw new EnvironmentError("storage.failed", `Expected to write ${file} but received: ${message}`, { cause });
  }
}
