import { arrayOf } from "./data-types";
import type { DataType, Model, ValueInfo } from "./model";
import { usedNames } from "./references";
import { elementCount } from "./tensor";

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

/** The bytes of all initialisers. */
export function weightBytes({ graph }: Model): number {
  return [...graph.initializers.values()].reduce(
    (sum, { dataType, dims }) => sum + elementCount(dims) * bytesPerElement(dataType),
    0,
  );
}

function bytesPerElement(dataType: DataType): number {
  return dataType === "string" ? 0 : arrayOf(dataType).BYTES_PER_ELEMENT;
}

function bytesOf(info: ValueInfo | undefined): number {
  if (!info?.shape?.every((extent) => typeof extent === "number")) return 0;
  return elementCount(info.shape as readonly number[]) * bytesPerElement(info.dataType);
}
