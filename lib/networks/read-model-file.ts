import { readFile } from "node:fs/promises";
import path from "node:path";
import { ModelError, UserError } from "../contract/errors";
import { externalDataIn } from "../onnx/external-data";
import { readModel } from "../onnx/read-model";
import { writeModel } from "../onnx/write-model";

export interface ModelFile {
  /** The file as it is. */
  readonly file: Uint8Array;
  /** The whole model: the same bytes, or with the weights of other files brought in. */
  readonly bytes: Uint8Array;
}

/**
 * An ONNX file on this machine. Weights that lie beside it (external data, which torch.onnx.export writes) are read from its own
 * folder and no other, and brought in: the digest of `bytes` counts them.
 * @throws UserError "file.unreadable"; ModelError as `readModel`, "model.external-data" for a path that leads elsewhere, a link, or
 * a file that is not there
 */
export async function readModelFile(name: string): Promise<ModelFile> {
  const file = await readFile(name).catch((cause: NodeJS.ErrnoException) => {
    throw new UserError(
      "file.unreadable",
      `Expected a file at ${name} but it cannot be read (${cause.code ?? cause.message})`,
      { cause },
    );
  });
  return { file, bytes: wholeModel(file, path.dirname(name)) };
}

/** The model's bytes with all its weights, of which some may lie in files of `folder`. */
export function wholeModel(bytes: Uint8Array, folder: string): Uint8Array {
  try {
    readModel(bytes);
    return bytes;
  } catch (error) {
    if (!(error instanceof ModelError && error.code === "model.external-data")) throw error;
  }
  return writeModel(readModel(bytes, { external: externalDataIn(folder) }));
}
