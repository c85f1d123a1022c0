import { createHash, randomUUID } from "node:crypto";
import { mkdir, readFile, readdir, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
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
  readonly request: unknown;
}

const digestBytes = 32;

/**
 * Gradient graphs on disk. A file holds the sha256 of the rest, then the model, so that a damaged one is noticed and built
 * anew. Where nothing can be written (a read-only container) it is as if the cache were empty.
 */
export class GradientCache {
  /** @param mostBytes beyond which the files used longest ago are removed */
  constructor(readonly folder: string = defaultCacheFolder(), private readonly mostBytes = 4 * 2 ** 30) {}

  async get(identity: CacheIdentity): Promise<Uint8Array | undefined> {
    const file = this.fileOf(identity);
    try {
      const content = await readFile(file);
      const model = content.subarray(digestBytes);
      if (!createHash("sha256").update(model).digest().equals(content.subarray(0, digestBytes))) return undefined;
      const now = new Date();
      await utimes(file, now, now).catch(() => undefined);
      return model;
    } catch {
      return undefined;
    }
  }

  async put(identity: CacheIdentity, model: Uint8Array): Promise<void> {
    const file = this.fileOf(identity);
    const partial = `${file}.${randomUUID()}.partial`;
    try {
      await mkdir(this.folder, { recursive: true, mode: 0o700 });
      await writeFile(partial, Buffer.concat([createHash("sha256").update(model).digest(), model]));
      await rename(partial, file);
      await this.removeOldest();
    } catch {
      await rm(partial, { force: true }).catch(() => undefined);
    }
  }

  private fileOf(identity: CacheIdentity): string {
    return path.join(this.folder, `${sha256Of(canonicalJson(identity))}.onnx`);
  }

  private async removeOldest(): Promise<void> {
    const names = await readdir(this.folder);
    const files = await Promise.all(names.filter((name) => name.endsWith(".onnx")).map(async (name) => {
      const file = path.join(this.folder, name);
      const { size, mtimeMs } = await stat(file);
      return { file, size, mtimeMs };
    }));
    let total = files.reduce((sum, { size }) => sum + size, 0);
    for (const { file, size } of files.toSorted((a, b) => a.mtimeMs - b.mtimeMs)) {
      if (total <= this.mostBytes) return;
      await rm(file, { force: true });
      total -= size;
    }
  }
}

/** $XDG_CACHE_HOME/cytolens/gradients, or ~/.cache/cytolens/gradients. */
export function defaultCacheFolder(): string {
  const base = process.env["XDG_CACHE_HOME"];
  return path.join(base && path.isAbsolute(base) ? base : path.join(os.homedir(), ".cache"), "cytolens", "gradients");
}
