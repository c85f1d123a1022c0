import os from "node:os";
import path from "node:path";
import type { Hints, Notices, Pipeline, PlanningPolicy } from "../protocol/ports";
import { publishers } from "../protocol/collecting/publishers";
import { systemClock } from "../bucket/clock";
import { FolderStore } from "../storage/folder-store";
import { ProcessQueue } from "./process-queue";

export interface LocalOptions {
  readonly folder: string;
  readonly workers?: number | undefined;
  readonly provider?: "cpu" | "cuda" | undefined;
  readonly idleSeconds?: number | undefined;
  readonly hints?: Hints | undefined;
  readonly notices?: Notices | undefined;
}

export interface LocalPipeline extends Pipeline {
  readonly store: FolderStore;
  readonly queue: ProcessQueue;
  readonly workers: number;
}

const bytesPerWorker = 2.5 * 2 ** 30;
const mostItemsPerShard = 250;
const silent = { tick: () => Promise.resolve(), publish: () => Promise.resolve() };

/** The pipeline of the cloud over a folder, processes and timers. */
export function localPipeline({
  folder,
  workers = workersHere(),
  provider,
  idleSeconds = 10,
  hints = silent,
  notices = silent,
}: LocalOptions): LocalPipeline {
  const threads = Math.max(1, Math.floor(os.availableParallelism() / workers));
  const policy: PlanningPolicy = {
    idleSeconds,
    jobDefinition: null,
    itemsPerShard: (items) => Math.min(mostItemsPerShard, Math.ceil(items / workers)),
  };
  return {
    store: new FolderStore(folder),
    queue: new ProcessQueue({ folder, workers, provider, threads, cacheFolder: path.join(cacheFolder(), "gradients") }),
    hints,
    notices,
    clock: systemClock,
    publishers,
    policy,
    workers,
  };
}

/** Two workers with a thread each outrun one session with two (docs/benchmarks.md), as far as memory goes. */
const workersHere = (): number =>
  Math.max(1, Math.min(os.availableParallelism(), Math.floor(os.totalmem() / bytesPerWorker), 8));

export const cacheFolder = (): string =>
  process.env["CYTOLENS_CACHE"] ??
  path.join(process.env["XDG_CACHE_HOME"] ?? path.join(os.homedir(), ".cache"), "cytolens");
