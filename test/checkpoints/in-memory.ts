import { checkRange, type FileRanges } from "../../lib/checkpoints/file-ranges";
import { readPyTorch, type CheckpointTensors } from "../../lib/checkpoints/read-pytorch";

/** A file in memory that counts what is read of it. */
export function inMemory(bytes: Uint8Array): FileRanges & { readonly read: FileRanges["read"]; total: number } {
  return {
    size: bytes.length,
    total: 0,
    async read(offset, length) {
      checkRange(bytes.length, offset, length);
      this.total += length;
      return new Uint8Array(bytes.subarray(offset, offset + length));
    },
  };
}

export const read = (bytes: Uint8Array): Promise<CheckpointTensors> => readPyTorch(inMemory(bytes));

/** "code: message" of what a file is refused with; "read" when it is not refused. */
export async function refusal(bytes: Uint8Array): Promise<string> {
  try {
    await read(bytes);
    return "read";
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return `${code}: ${message}`;
  }
}
