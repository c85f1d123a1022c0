import { UserError } from "../contract/errors";
import { arrayOf } from "../onnx/data-types";
import type { DataType, Model, ValueInfo } from "../onnx/model";
import { usedNames } from "../onnx/references";
import { elementCount } from "../onnx/tensor";

/** Beyond eight images a batch no longer gains speed, on two cores or on eight. */
export const largestBatch = 8;

/** onnxruntime's arena and packed copies of values come on top of what the graph itself needs. */
const arenaFactor = 1.3;

/**
 * The most bytes of activations alive at once when a graph of fixed shapes runs in its own order: each value from the node
 * that makes it to the last that reads it. Values of unknown shape count as nothing.
 */
export function peakActivationBytes({ graph }: Model): number {
  const lastReader = new Map<string, number>();
  graph.nodes.forEach((node, index) => {
    for (const name of usedNames(node)) lastReader.set(name, index);
  });
  for (const { name } of graph.outputs) lastReader.set(name, Infinity);
  const dying = new Map<number, string[]>();
  for (const [name, index] of lastReader) dying.set(index, [...(dying.get(index) ?? []), name]);
  const sizes = new Map<string, number>();
  let alive = 0;
  let peak = 0;
  graph.nodes.forEach((node, index) => {
    for (const name of node.outputs) {
      const bytes = name !== "" && lastReader.has(name) ? bytesOf(graph.valueInfo.get(name)) : 0;
      sizes.set(name, bytes);
      alive += bytes;
    }
    peak = Math.max(peak, alive);
    for (const name of dying.get(index) ?? []) alive -= sizes.get(name) ?? 0;
  });
  return peak;
}

export function weightBytes({ graph }: Model): number {
  return [...graph.initializers.values()].reduce(
    (sum, { dataType, dims }) => sum + elementCount(dims) * bytesPerElement(dataType),
    0,
  );
}

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

function bytesPerElement(dataType: DataType): number {
  return dataType === "string" ? 0 : arrayOf(dataType).BYTES_PER_ELEMENT;
}

function bytesOf(info: ValueInfo | undefined): number {
  if (!info?.shape?.every((extent) => typeof extent === "number")) return 0;
  return elementCount(info.shape as readonly number[]) * bytesPerElement(info.dataType);
}
