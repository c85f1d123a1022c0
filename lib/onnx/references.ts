import type { Attribute, Graph, Node } from "./model";

/** The values a node reads: its inputs, and what its sub-graphs capture from outside. */
export function usedNames(node: Node): Set<string> {
  const used = new Set(node.inputs.filter((name) => name !== ""));
  for (const graph of subgraphs(node)) for (const name of captured(graph)) used.add(name);
  return used;
}

/** The values that any of `names` depends on, and those themselves. Nodes must be in topological order. */
export function ancestorsOf({ nodes }: Graph, names: Iterable<string>): Set<string> {
  const ancestors = new Set(names);
  for (const node of nodes.toReversed()) {
    if (node.outputs.some((name) => ancestors.has(name))) for (const name of usedNames(node)) ancestors.add(name);
  }
  return ancestors;
}

export function subgraphs(node: Node): Graph[] {
  return Object.values(node.attributes).flatMap((attribute) => (attribute.kind === "graph" ? [attribute.value] : []));
}

function captured(graph: Graph): Set<string> {
  const own = new Set([
    ...graph.inputs.map(({ name }) => name),
    ...graph.initializers.keys(),
    ...graph.nodes.flatMap(({ outputs }) => outputs),
  ]);
  const used = new Set([
    ...graph.nodes.flatMap((node) => [...usedNames(node)]),
    ...graph.outputs.map(({ name }) => name),
  ]);
  return new Set([...used].filter((name) => !own.has(name)));
}

/** A copy of the node that reads and writes other values, in its sub-graphs too. */
export function renameValues(node: Node, names: ReadonlyMap<string, string>): Node {
  const rename = (name: string): string => names.get(name) ?? name;
  const attributes: Record<string, Attribute> = {};
  for (const [key, attribute] of Object.entries(node.attributes)) {
    attributes[key] =
      attribute.kind === "graph" ? { kind: "graph", value: renameInGraph(attribute.value, names) } : attribute;
  }
  return { ...node, inputs: node.inputs.map(rename), outputs: node.outputs.map(rename), attributes };
}

function renameInGraph(graph: Graph, names: ReadonlyMap<string, string>): Graph {
  return {
    ...graph,
    nodes: graph.nodes.map((node) => renameValues(node, names)),
    outputs: graph.outputs.map((value) => ({ ...value, name: names.get(value.name) ?? value.name })),
  };
}

/** A copy that can be changed without touching the original; tensors are shared. */
export function copyGraph(graph: Graph): Graph {
  const none = new Map<string, string>();
  return {
    ...graph,
    nodes: graph.nodes.map((node) => renameValues(node, none)),
    inputs: [...graph.inputs],
    outputs: [...graph.outputs],
    initializers: new Map(graph.initializers),
    valueInfo: new Map(graph.valueInfo),
  };
}
