import { ModelError } from "../contract/errors";
import type { Tensor } from "../onnx/model";
import { howToConvert, shownNames } from "./checkpoint-errors";
import type { FileRanges } from "./file-ranges";
import { findStateDictionary, type StateDictionary } from "./find-state-dictionary";
import { openLegacyCheckpoint } from "./legacy-checkpoint";
import { readTensors } from "./read-tensors";
import type { CheckpointFormat, StoredCheckpoint } from "./stored-checkpoint";
import { openZipCheckpoint } from "./zip-checkpoint";

export interface CheckpointTensors {
  readonly tensors: Map<string, Tensor>;
  readonly format: CheckpointFormat;
  /** Sentences on what was done with the file and what was left unread. */
  readonly notes: string[];
}

/** Whether a file that begins like this may be PyTorch's: a zip archive, or a pickle of protocol 2 to 5. */
export function beginsLikePyTorch(beginning: Uint8Array): boolean {
  return isZip(beginning) || isPickle(beginning);
}

/**
 * The weights of a file that torch.save wrote, under the names in the file; floats as float32. Nothing in the file is
 * executed: see read-pickle.ts. At most the file's size is read, and at most as much again held beside the tensors.
 * Throws ModelError "checkpoint.…".
 */
export async function readPyTorch(file: FileRanges): Promise<CheckpointTensors> {
  const beginning = await file.read(0, Math.min(file.size, 8));
  if (!beginsLikePyTorch(beginning)) {
    throw new ModelError(
      "checkpoint.format",
      `Expected a PyTorch checkpoint but received a file that is neither a zip archive nor a pickle: ${howToConvert}`,
    );
  }
  const stored = await (isZip(beginning) ? openZipCheckpoint(file) : openLegacyCheckpoint(file));
  const weights = findStateDictionary(stored.value);
  const tensors = await readTensors(weights.tensors, stored, file.size);
  return { tensors, format: stored.format, notes: notesOn(weights, stored) };
}

function notesOn({ place, others, alternatives }: StateDictionary, { unknown }: StoredCheckpoint): string[] {
  return [
    ...(place.length > 0 ? [`The weights are those under ${place.join(".")}`] : []),
    ...(alternatives.length > 0 ? [`Other weights are left unread: ${shownNames(alternatives)}`] : []),
    ...(others.length > 0 ? [`Entries that are no tensors are left out: ${shownNames(others)}`] : []),
    ...(unknown.length > 0 ? [`Objects beside the weights are left unread: ${shownNames(unknown)}`] : []),
  ];
}

function isZip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 0x03 && bytes[3] === 0x04;
}

/** PROTO and a version; as the length of a safetensors header the same bytes would mean six zeros after them. */
function isPickle(bytes: Uint8Array): boolean {
  const version = bytes[1] ?? 0;
  return bytes[0] === 0x80 && version >= 2 && version <= 5 && !bytes.subarray(2, 8).every((byte) => byte === 0);
}
