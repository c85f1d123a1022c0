import { ModelError } from "../contract/errors";
import type { Graph, Model } from "./model";

/**
 * Checks what everything else relies on: nodes in topological order, every name defined once, every value used is defined.
 * @throws ModelError model.invalid-graph, naming the node and the value
 */
export function validate({ graph }: Pick<Model, "graph">): void {
  validateGraph(graph, new Set());
}

function validateGraph(graph: Graph, outer: ReadonlySet<string>): void {
  const defined = new Set(outer);
  const define = (name: string, by: string): void => {
    if (name === "") throw invalid(`Expected a name for ${by}`);
    if (defined.has(name)) throw invalid(`Expected every value to be defined once but ${by} defines "${name}" again`);
    defined.add(name);
  };
  for (const { name } of graph.inputs) define(name, "an input");
  for (const name of graph.initializers.keys()) define(name, "an initialiser");
  const later = new Set(graph.nodes.flatMap(({ outputs }) => outputs));
  for (const node of graph.nodes) {
    const label = `node "${node.name}" (${node.operator})`;
    if (node.operator === "") throw invalid(`Expected an operator in ${label}`);
    for (const input of node.inputs) {
      if (input === "" || defined.has(input)) continue;
      throw invalid(
        later.has(input)
          ? `Expected nodes in topological order but ${label} uses "${input}" before it is computed`
          : `Expected every input to be defined but ${label} uses "${input}", which nothing defines`,
      );
    }
    for (const attribute of Object.values(node.attributes))
      if (attribute.kind === "graph") validateGraph(attribute.value, defined);
    for (const output of node.outputs) if (output !== "") define(output, label);
  }
  for (const { name } of graph.outputs)
    if (!defined.has(name)) throw invalid(`Expected every graph output to be computed but nothing defines "${name}"`);
}

function invalid(message: string): ModelError {
  return new ModelError("model.invalid-graph", message);
}
