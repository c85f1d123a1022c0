import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, readdir, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { canonicalJson, sha256Of } from "../contract/digests";

/** Everything that a gradient graph depends on: change any, and it is built anew. */
export interface CacheIdentity {
  readonly modelSha256: string;
  readonly engineVersion: string;
  readonly passesVersion: number;
  readonly runtimeVersion: string;
  readonly provider: string;
  readonly input: unknown;
  readonly output: string;
  readonly head: string;
  readonly request: unknown;
}

/**
 * Gradient graphs on disk, one ONNX file each: sessions load them from there, so that no copy passes through this process's memory.
 * A file's name ends with the digest of what is in it, so that a damaged one is noticed and built anew. Where nothing can be
 * written (a read-only container) it is as if the cache were empty.
 */
export class GradientCache {
  /** @param mostBytes beyond which the files used longest ago are removed */
  constructor(
    readonly folder: string = defaultCacheFolder(),
    private readonly mostBytes = 4 * 2 ** 30,
  ) {}

  /** The file that holds the graph, whole. */
  async get(identity: CacheIdentity): Promise<string | undefined> {
    try {
      const key = keyOf(identity);
      for (const name of await readdir(this.folder)) {
        if (!name.startsWith(key) || !name.endsWith(".onnx")) continue;
        const file = path.join(this.folder, name);
        if (name !== `${key}.${await digestOfFile(file)}.onnx`) continue;
        const now = new Date();
        await utimes(file, now, now).catch(() => undefined);
        return file;
      }
    } catch {
      // As if it were not there.
    }
    return undefined;
  }

  /** Returns the file, or nothing where it could not be written. */
  async put(identity: CacheIdentity, model: Uint8Array): Promise<string | undefined> {
    const file = path.join(this.folder, `${keyOf(identity)}.${sha256Of(model)}.onnx`);
    const partial = `${file}.${randomUUID()}.partial`;
    try {
      await mkdir(this.folder, { recursive: true, mode: 0o700 });
      await writeFile(partial, model);
      await rename(partial, file);
      await this.removeOldest();
      return file;
    } catch {
      await rm(partial, { force: true }).catch(() => undefined);
      return undefined;
    }
  }

  private async removeOldest(): Promise<void> {
    const names = await readdir(this.folder);
    const files = await Promise.all(
      names
        .filter((name) => name.endsWith(".onnx"))
        .map(async (name) => {
          const file = path.join(this.folder, name);
          const { size, mtimeMs } = await stat(file);
          return { file, size, mtimeMs };
        }),
    );
    let total = files.reduce((sum, { size }) => sum + size, 0);
    for (const { file, size } of files.toSorted((a, b) => a.mtimeMs - b.mtimeMs)) {
      if (total <= this.mostBytes) return;
      await rm(file, { force: true });
      total -= size;
    }
  }
}

function keyOf(identity: CacheIdentity): string {
  return sha256Of(canonicalJson(identity));
}

async function digestOfFile(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file, { highWaterMark: 2 ** 20 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

/** $XDG_CACHE_HOME/cytolens/gradients, or ~/.cache/cytolens/gradients. */
export function defaultCacheFolder(): string {
  const base = process.env["XDG_CACHE_HOME"];
  return path.join(base && path.isAbsolute(base) ? base : path.join(os.homedir(), ".cache"), "cytolens", "gradients");
}
