import { createHash } from "node:crypto";
import type { ObjectKey, RunId, Sha256, WorkId } from "./names";
import type { Settings } from "./settings";

export function sha256Of(content: string | Uint8Array): Sha256 {
  return createHash("sha256").update(content).digest("hex") as Sha256;
}

/** JSON with sorted keys, so that equal values have equal digests. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === "object" && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner);
}

/** A part of a slide, in pixels of the whole image. */
export interface Region {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
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

/** Names a run from its images as they stream by in key order: a million keys are never held at once. */
export class RunIdentity {
  private readonly hash = createHash("sha256");

  constructor(settings: Settings, modelSha256: Sha256, engineVersion: string) {
    this.hash.update(canonicalJson([settings, modelSha256, engineVersion]));
  }

  addImage(key: ObjectKey, etag: string): void {
    this.hash.update(`\n${JSON.stringify([key, etag])}`);
  }

  id(): RunId {
    return this.hash.copy().digest("hex").slice(0, 16) as RunId;
  }
}
