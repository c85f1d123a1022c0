import { createHash } from "node:crypto";
import type { BigIntStats } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { TransientError } from "../contract/errors";

const mostRemembered = 200_000;
const chunkBytes = 1 << 20;
const patience = 5;
/** A file changed this recently may change again without its time of change telling. */
const settlingMilliseconds = 100;

/** ETags of files: digests of their contents, remembered for as long as size, time of change and inode stay. */
export class ContentTags {
  private readonly known = new Map<string, string>();

  static of(content: Uint8Array): string {
    return createHash("sha256").update(content).digest("hex").slice(0, 32);
  }

  remember(stats: BigIntStats, etag: string): void {
    if (Date.now() - Number(stats.ctimeMs) < settlingMilliseconds) return;
    if (this.known.size >= mostRemembered) this.known.clear();
    this.known.set(identity(stats), etag);
  }

  recall(stats: BigIntStats): string | undefined {
    return this.known.get(identity(stats));
  }

  /** The ETag of an open file, with the facts it belongs to. A file that changes while it is read is read again. */
  async tagOf(file: FileHandle): Promise<{ etag: string; stats: BigIntStats }> {
    for (let tried = 0; tried < patience; tried++) {
      const before = await file.stat({ bigint: true });
      const known = this.recall(before);
      if (known !== undefined) return { etag: known, stats: before };
      const etag = await digest(file);
      const after = await file.stat({ bigint: true });
      if (identity(after) !== identity(before)) continue;
      this.remember(after, etag);
      return { etag, stats: after };
    }
    throw new TransientError("storage.changing", "Expected a file to be still while it is read but it kept changing");
  }
}

async function digest(file: FileHandle): Promise<string> {
  const hash = createHash("sha256");
  const chunk = Buffer.allocUnsafe(chunkBytes);
  for (let position = 0; ;) {
    const { bytesRead } = await file.read(chunk, 0, chunkBytes, position);
    if (bytesRead === 0) return hash.digest("hex").slice(0, 32);
    hash.update(chunk.subarray(0, bytesRead));
    position += bytesRead;
  }
}

const identity = ({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string =>
  `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
