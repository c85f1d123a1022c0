import { createHash } from "node:crypto";
import type { ObjectKey, RunId, Sha256, WorkId } from "./names";
import type { Region } from "./region";
import type { Settings } from "./settings";

export function sha256Of(content: string | Uint8Array): Sha256 {
  return createHash("sha256").update(content).digest("hex") as Sha256;
}

/** JSON with sorted keys, so that equal values have equal digests. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === "object" && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

export interface WorkIdentity {
  readonly key: ObjectKey;
  readonly etag: string;
  readonly region?: Region | undefined;
  readonly settings: Settings;
  readonly modelSha256: Sha256;
  readonly engineVersion: string;
}

export function workIdOf({ key, etag, region, settings, modelSha256, engineVersion }: WorkIdentity): WorkId {
  return sha256Of(canonicalJson([key, etag, region ?? null, settings, modelSha256, engineVersion])) as string as WorkId;
}

/**
 * Names a run from its images as they stream by in key order: a chain of digests, one a key,
 * so that its whole state is 64 hex digits and a listing can be continued in another process.
 */
export class RunIdentity {
  private constructor(private chain: Sha256) {}

  static begin(settings: Settings, modelSha256: Sha256, engineVersion: string): RunIdentity {
    return new RunIdentity(sha256Of(canonicalJson([settings, modelSha256, engineVersion])));
  }

  static resume(state: Sha256): RunIdentity {
    return new RunIdentity(state);
  }

  addImage(key: ObjectKey, etag: string): void {
    this.chain = sha256Of(`${this.chain}\n${JSON.stringify([key, etag])}`);
  }

  get state(): Sha256 {
    return this.chain;
  }

  id(): RunId {
    return this.chain.slice(0, 16) as RunId;
  }
}

/** The same images once more, after another run (or this one's gaps) came between: a run of its own. */
export const followUpRunId = (identity: RunId, newest: RunId): RunId =>
  sha256Of(`${identity} after ${newest}`).slice(0, 16) as RunId;
