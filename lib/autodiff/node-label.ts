import type { Node } from "../onnx/model";

/** How error messages speak of a node: by name where it has one, else by what it makes. */
export function nodeLabel(node: Node): string {
  const operator = node.domain === "" || node.domain === "ai.onnx" ? node.operator : `${node.domain}.${node.operator}`;
  return node.name
    ? `node "${node.name}" (${operator})`
    : `the node that makes "${node.outputs.find(Boolean) ?? ""}" (${operator})`;
}
