import { readFile, stat } from "node:fs/promises";
import { writeFileSync, writeSync } from "node:fs";
import { isMainThread, Worker, workerData } from "node:worker_threads";
import type { ErrorCode } from "../../contract/error-codes";
import { CytolensError } from "../../contract/errors";
import type { DecodedImage } from "../decoding/decode";
import { checkBytes, type DecodingLimits } from "../decoding/limits";
import type { PreparationRequest, PreparedImage } from "./prepare";
import type { Region } from "../../contract/region";

/** One image for the decoding process: its bytes, or the path of a file that the process reads itself. */
export interface DecodingRequest {
  readonly source: Uint8Array | string;
  readonly limits: DecodingLimits;
  /** Asks for a network's input rather than the image. */
  readonly preparation?: PreparationRequest;
  /** Asks for a rectangle rather than the whole image. */
  readonly region?: Region;
}

export type DecodingReply =
  | { readonly value: DecodedImage | PreparedImage; readonly residentBytes: number }
  | { readonly failure: { readonly code: ErrorCode; readonly message: string }; readonly residentBytes: number };

export interface DecodingFunctions {
  decode(bytes: Uint8Array, limits: DecodingLimits): Promise<DecodedImage>;
  decodeRegion(bytes: Uint8Array, region: Region, limits: DecodingLimits): Promise<DecodedImage>;
  prepare(bytes: Uint8Array, request: PreparationRequest, limits: DecodingLimits): Promise<PreparedImage>;
}

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

async function carryOut(
  functions: DecodingFunctions,
  { source, limits, preparation, region }: DecodingRequest,
): Promise<DecodedImage | PreparedImage> {
  const bytes = typeof source === "string" ? await readImageFile(source, limits) : source;
  if (preparation) return functions.prepare(bytes, preparation, limits);
  return region ? functions.decodeRegion(bytes, region, limits) : functions.decode(bytes, limits);
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
