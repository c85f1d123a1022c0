import { UserError } from "../contract/errors";
import { peakActivationBytes, weightBytes } from "../onnx/graph-memory";
import type { Model } from "../onnx/model";

/** Beyond eight images a batch no longer gains speed, on two cores or on eight. */
export const largestBatch = 8;

/** onnxruntime's arena and packed copies of values come on top of what the graph itself needs. */
const arenaFactor = 1.3;

/** Bytes that a session holds whatever its batch, and for each image. */
export interface Demand {
  readonly fixed: number;
  readonly perImage: number;
}

/**
 * The weights once and again (onnxruntime keeps packed copies), and the activations of an image.
 * @param graph for so many images
 */
export function demandOf(graph: Model, images = 1): Demand {
  return { fixed: 2 * weightBytes(graph), perImage: (peakActivationBytes(graph) * arenaFactor) / images };
}

/**
 * How many images fit in a batch, 1 to `most`.
 * @throws UserError "memory.too-small" when not even one image fits
 */
export function batchWithin(memoryBytes: number, { fixed, perImage }: Demand, most = largestBatch): number {
  const fitting = Math.floor((memoryBytes - fixed) / Math.max(1, perImage));
  if (fitting >= 1) return Math.min(most, fitting);
  throw new UserError(
    "memory.too-small",
    `Expected a memory budget of at least ${megabytes(fixed + perImage)} (${megabytes(fixed)} for the process and its weights, ${megabytes(perImage)} for one image) but received ${megabytes(memoryBytes)}`,
  );
}

/** Whether at least one image fits. */
export function fitsWithin(memoryBytes: number, { fixed, perImage }: Demand): boolean {
  return fixed + perImage <= memoryBytes;
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}
