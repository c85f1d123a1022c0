import { readFile, stat } from "node:fs/promises";
import { writeFileSync, writeSync } from "node:fs";
import { isMainThread, Worker, workerData } from "node:worker_threads";
import type { ErrorCode } from "../../contract/error-codes";
import { CytolensError, ImageError } from "../../contract/errors";
import type { Colour } from "../../contract/settings";
import type { DecodedImage } from "../decoding/decode";
import { checkBytes, type DecodingLimits } from "../decoding/limits";
import type { Overview, OverviewRequest, TilesRequest } from "./large-picture";
import type { PreparationRequest, PreparedImage } from "./prepare";

/** What is asked of the decoding process, and the answer to each. */
export interface DecodingTasks {
  /** The whole image. */
  readonly decode: { readonly ask: { readonly colour: Colour }; readonly answer: DecodedImage };
  /** A network's input rather than the image. */
  readonly prepare: { readonly ask: PreparationRequest; readonly answer: PreparedImage };
  /** Width and height alone. */
  readonly measure: { readonly ask: object; readonly answer: Pick<DecodedImage, "width" | "height"> };
  readonly overview: { readonly ask: OverviewRequest; readonly answer: Overview };
  readonly prepareTiles: { readonly ask: TilesRequest; readonly answer: Float32Array[] };
}
export type DecodingTask = keyof DecodingTasks;

/** One image for the decoding process: its bytes, the path of a file that the process reads itself, or what it was sent last. */
export interface DecodingRequest {
  readonly source: Uint8Array | string | null;
  readonly limits: DecodingLimits;
  readonly task: DecodingTask;
  readonly ask: DecodingTasks[DecodingTask]["ask"];
  /** More will be asked of the same image. */
  readonly keep: boolean;
}

export type DecodingReply =
  | { readonly value: DecodingTasks[DecodingTask]["answer"]; readonly residentBytes: number }
  | { readonly failure: { readonly code: ErrorCode; readonly message: string }; readonly residentBytes: number };

export type DecodingFunctions = {
  readonly [Task in DecodingTask]: (
    bytes: Uint8Array,
    ask: DecodingTasks[Task]["ask"],
    limits: DecodingLimits,
  ) => Promise<DecodingTasks[Task]["answer"]>;
};

/** What the decoding process writes to stderr before it ends itself for using too much memory. */
export const memoryNotice = "decoding process over its memory limit";

/** Answers decoding requests that come over the channel to the parent, one at a time, until the channel closes. */
export function serveDecoding(functions: DecodingFunctions, memoryBytes: number): void {
  offerToOutOfMemoryKiller();
  new Worker(__filename, { workerData: { decodingMemoryBytes: memoryBytes } }).unref();
  process.on("disconnect", () => process.exit(0));
  process.on("message", (request: DecodingRequest) => {
    void answer(functions, request).then((reply) => process.send?.(reply));
  });
}

async function answer(functions: DecodingFunctions, request: DecodingRequest): Promise<DecodingReply> {
  try {
    return { value: await carryOut(functions, request), residentBytes: process.memoryUsage.rss() };
  } catch (error) {
    const code = error instanceof CytolensError ? error.code : "image.decoder-failed";
    return {
      failure: { code, message: error instanceof Error ? error.message : String(error) },
      residentBytes: process.memoryUsage.rss(),
    };
  }
}

/** Bytes of the image that more will be asked of: a large one is not sent for each of its tiles. */
let kept: Uint8Array | undefined;

async function carryOut(
  functions: DecodingFunctions,
  { source, limits, task, ask, keep }: DecodingRequest,
): Promise<DecodingTasks[DecodingTask]["answer"]> {
  const before = kept;
  kept = undefined;
  const bytes = source === null ? before : typeof source === "string" ? await readImageFile(source, limits) : source;
  kept = keep ? bytes : undefined;
  if (!bytes)
    throw new ImageError("image.decoder-failed", "Expected an image that was kept from before but there is none");
  // The task and what it asks for come as a pair.
  return (functions[task] as DecodingFunctions["decode"])(bytes, ask as DecodingTasks["decode"]["ask"], limits);
}

async function readImageFile(path: string, limits: DecodingLimits): Promise<Uint8Array> {
  checkBytes((await stat(path)).size, limits);
  return readFile(path);
}

/** When the machine runs out of memory, this process should go rather than the one that holds the batch. */
function offerToOutOfMemoryKiller(): void {
  try {
    writeFileSync("/proc/self/oom_score_adj", "1000");
  } catch {
    // Only Linux has it; elsewhere the limit below is all there is.
  }
}

/** Runs beside the decoder, on a thread of its own, because a decoder at work does not give way. */
function watchMemory(memoryBytes: number): void {
  setInterval(() => {
    if (process.memoryUsage.rss() <= memoryBytes) return;
    writeSync(2, `${memoryNotice}\n`);
    process.kill(process.pid, "SIGKILL");
  }, 20);
}

// Whoever loads this file on a worker thread of another program must not be watched, let alone ended.
const watched = isMainThread
  ? undefined
  : (workerData as { decodingMemoryBytes?: unknown } | null)?.decodingMemoryBytes;
if (typeof watched === "number") watchMemory(watched);
