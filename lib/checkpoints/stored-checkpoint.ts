import type { PickleValue, StorageReference } from "./pickle-values";

export type CheckpointFormat = "pytorch-zip" | "pytorch-legacy" | "safetensors";

/** What torch.save was given, with the tensors' data still in the file. */
export interface StoredCheckpoint {
  readonly format: CheckpointFormat;
  readonly value: PickleValue;
  /** Names of classes and functions in it that are unknown here. */
  readonly unknown: readonly string[];
  readonly bigEndian: boolean;
  /** A storage's bytes, as many as it says, in a buffer of their own. */
  readStorage(storage: StorageReference): Promise<Uint8Array<ArrayBuffer>>;
}
