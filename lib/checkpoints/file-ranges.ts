import { open, stat } from "node:fs/promises";
import { UserError } from "../contract/errors";
import { invalidCheckpoint } from "./checkpoint-errors";

/** A file read by ranges, so that no more of it is in memory than is asked for. */
export interface FileRanges {
  /** Bytes of the whole file. */
  readonly size: number;
  /**
   * `length` bytes from `offset` on, in a buffer of their own.
   * Throws ModelError "checkpoint.invalid" for a range beyond the file's end, before anything is allocated.
   */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** Opens a file for `use` and closes it afterwards. Throws UserError "file.unreadable". */
export async function withFileRanges<T>(file: string, use: (ranges: FileRanges) => Promise<T>): Promise<T> {
  const refuse = (cause: NodeJS.ErrnoException): never => {
    throw unreadable(file, cause);
  };
  // Asked before it is opened, because opening a pipe waits for whoever writes to it.
  const found = await stat(file).catch(refuse);
  if (!found.isFile()) {
    throw new UserError("file.unreadable", `Expected a file at ${file} but it is ${kindOf(found)}`);
  }
  const handle = await open(file).catch(refuse);
  try {
    return await use({
      size: found.size,
      async read(offset, length) {
        checkRange(found.size, offset, length);
        const bytes = new Uint8Array(length);
        for (let filled = 0; filled < length;) {
          const { bytesRead } = await handle
            .read(bytes, filled, Math.min(length - filled, longestRead), offset + filled)
            .catch(refuse);
          if (bytesRead === 0) throw invalidCheckpoint(`${found.size} bytes`, `${offset + filled}: it has shrunk`);
          filled += bytesRead;
        }
        return bytes;
      },
    });
  } finally {
    await handle.close();
  }
}

/** Some systems refuse to read 2 GiB and more at once. */
const longestRead = 2 ** 30;

export function checkRange(size: number, offset: number, length: number): void {
  if (offset >= 0 && length >= 0 && offset + length <= size) return;
  throw invalidCheckpoint(`at least ${offset + length} bytes`, `${size} (is the file cut short?)`);
}

function unreadable(file: string, cause: NodeJS.ErrnoException): UserError {
  const reason = cause.code ?? cause.message;
  return new UserError("file.unreadable", `Expected a file at ${file} but it cannot be read (${reason})`, { cause });
}

function kindOf(found: { isDirectory(): boolean }): string {
  return found.isDirectory() ? "a folder" : "neither a file nor a folder";
}
