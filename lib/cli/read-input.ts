import { readFile } from "node:fs/promises";
import { UserError } from "../contract/errors";

/** The bytes of a file that the user named. */
export async function readInput(file: string): Promise<Uint8Array> {
  return await readFile(file).catch((cause: NodeJS.ErrnoException) => {
    throw new UserError(
      "file.unreadable",
      `Expected a file at ${file} but it cannot be read (${cause.code ?? cause.message})`,
      { cause },
    );
  });
}
