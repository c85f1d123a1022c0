import { ModelError } from "../contract/errors";
import type { Attribute, Graph, Model, Node } from "./model";
import type { AttributeReferences, GraphReading } from "./read-graph";

/** A FunctionProto: a named sub-graph that nodes call like an operator. */
export interface FunctionDefinition {
  name: string;
  domain: string;
  overload: string;
  readonly inputs: string[];
  readonly outputs: string[];
  readonly nodes: Node[];
  /** Attributes with a default; the others are absent unless the caller gives them. */
  readonly defaults: Record<string, Attribute>;
  readonly opsets: Map<string, number>;
}

const deepestCall = 64;

/** Replaces calls of local functions by their bodies, nested calls and sub-graphs included. Changes `model`, which is being read. */
export function inlineFunctions(
  model: Model,
  functions: readonly FunctionDefinition[],
  { references, overloads }: Pick<GraphReading, "references" | "overloads">,
): void {
  if (functions.length === 0) return;
  const byKey = new Map(
    functions.map((definition) => [keyOf(definition.domain, definition.name, definition.overload), definition]),
  );
  const taken = new Set<string>();
  collectNames(model.graph, taken);
  let calls = 0;

  const expandGraph = (graph: Graph, depth: number): void => {
    graph.nodes = graph.nodes.flatMap((node) => expand(node, depth));
  };

  const expand = (node: Node, depth: number): Node[] => {
    for (const attribute of Object.values(node.attributes))
      if (attribute.kind === "graph") expandGraph(attribute.value, depth);
    const definition = byKey.get(keyOf(node.domain, node.operator, overloads.get(node) ?? ""));
    if (!definition) return [node];
    if (depth >= deepestCall)
      throw new ModelError(
        "model.invalid-graph",
        `Expected function "${node.operator}" not to call itself (node "${node.name}")`,
      );
    let prefix: string;
    do prefix = `${node.name || node.operator}/${calls++ || ""}`;
    while ([...definition.nodes].some(({ outputs }) => outputs.some((name) => taken.has(`${prefix}/${name}`))));
    const body = instantiate(definition, node, `${prefix}/`, references, overloads);
    for (const inner of body) for (const name of inner.outputs) taken.add(name);
    for (const [domain, version] of definition.opsets) if (!model.opsets.has(domain)) model.opsets.set(domain, version);
    return body.flatMap((inner) => expand(inner, depth + 1));
  };

  expandGraph(model.graph, 0);
  for (const domain of new Set(functions.map(({ domain }) => domain)))
    if (domain !== "" && !usesDomain(model.graph, domain)) model.opsets.delete(domain);
}

function keyOf(domain: string, name: string, overload: string): string {
  return [domain, name, overload].join("\u0000");
}

function instantiate(
  definition: FunctionDefinition,
  call: Node,
  prefix: string,
  references: AttributeReferences,
  overloads: Map<Node, string>,
): Node[] {
  const names = new Map<string, string>();
  definition.inputs.forEach((name, index) => names.set(name, call.inputs[index] ?? ""));
  const passedThrough: Node[] = [];
  definition.outputs.forEach((name, index) => {
    const target = call.outputs[index];
    if (!target) return;
    const source = names.get(name);
    if (source === undefined) names.set(name, target);
    else
      passedThrough.push({
        name: `${prefix}${name}`,
        operator: "Identity",
        domain: "",
        inputs: [source],
        outputs: [target],
        attributes: {},
      });
  });
  const rename = (name: string): string => (name === "" ? "" : (names.get(name) ?? prefix + name));
  const given = { ...definition.defaults, ...call.attributes };

  const copyNode = (node: Node): Node => {
    const attributes: Record<string, Attribute> = {};
    for (const [name, attribute] of Object.entries(node.attributes)) {
      attributes[name] = attribute.kind === "graph" ? { kind: "graph", value: copyGraph(attribute.value) } : attribute;
    }
    for (const [name, outer] of references.get(node) ?? []) {
      const attribute = given[outer];
      if (attribute) attributes[name] = attribute;
    }
    // Runtimes want different names for all nodes; outputs have them.
    const copy = {
      ...node,
      name: prefix + (node.outputs.find((name) => name !== "") ?? node.name),
      inputs: node.inputs.map(rename),
      outputs: node.outputs.map(rename),
      attributes,
    };
    const overload = overloads.get(node);
    if (overload !== undefined) overloads.set(copy, overload);
    return copy;
  };
  const copyGraph = (graph: Graph): Graph => ({
    name: graph.name,
    nodes: graph.nodes.map(copyNode),
    inputs: graph.inputs.map((value) => ({ ...value, name: rename(value.name) })),
    outputs: graph.outputs.map((value) => ({ ...value, name: rename(value.name) })),
    initializers: new Map([...graph.initializers].map(([name, tensor]) => [rename(name), tensor])),
    valueInfo: new Map([...graph.valueInfo].map(([name, value]) => [rename(name), { ...value, name: rename(name) }])),
  });
  return [...definition.nodes.map(copyNode), ...passedThrough];
}

function collectNames(graph: Graph, names: Set<string>): void {
  for (const { name } of graph.inputs) names.add(name);
  for (const name of graph.initializers.keys()) names.add(name);
  for (const node of graph.nodes) {
    for (const name of node.outputs) names.add(name);
    for (const attribute of Object.values(node.attributes))
      if (attribute.kind === "graph") collectNames(attribute.value, names);
  }
}

function usesDomain(graph: Graph, domain: string): boolean {
  return graph.nodes.some(
    (node) =>
      node.domain === domain ||
      Object.values(node.attributes).some(
        (attribute) => attribute.kind === "graph" && usesDomain(attribute.value, domain),
      ),
  );
}
