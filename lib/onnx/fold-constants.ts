import { inferValues, type InferredValues } from "./infer-shapes";
import type { Graph, Model, Node } from "./model";
import { prune } from "./prune";
import { copyGraph, renameValues, subgraphs } from "./references";
import { staticShape } from "./shapes/shape-rule";
import { entriesOf } from "./shapes/entries";

/**
 * Computes what does not depend on the inputs' elements (Constant nodes and shape arithmetic become initialisers), takes the branch of
 * an If that is decided, and leaves out nodes that change nothing or that nobody uses. Outputs keep their names.
 */
export function foldConstants(model: Model): Model {
  const current = takeDecidedBranches({ ...model, graph: copyGraph(model.graph) });
  const inferred = inferValues(current);
  removeConstants(current.graph, inferred);
  removeIdentities(current, inferred);
  return prune(current);
}

/** Puts the branch of every If whose condition is known in the If's place; other models come back as they are. */
export function takeDecidedBranches(model: Model): Model {
  let current = model;
  for (;;) {
    const nodes = current.graph.nodes.filter((node) => node.operator === "If" && node.domain === "");
    if (nodes.length === 0) return current;
    const inferred = inferValues(current);
    const decided = nodes.findIndex((node) => condition(node, inferred) !== undefined);
    const index = current.graph.nodes.findIndex((node) => node === nodes[decided]);
    if (index < 0) return current;
    current = { ...current, graph: copyGraph(current.graph) };
    const node = current.graph.nodes[index];
    if (node) takeBranch(current.graph, node, condition(node, inferred) === true);
  }
}

function condition(node: Node, { constants }: InferredValues): boolean | undefined {
  const value = constants.get(node.inputs[0] ?? "");
  const entry = value && entriesOf(value)?.[0];
  return entry === undefined ? undefined : entry !== 0;
}

function takeBranch(graph: Graph, node: Node, holds: boolean): void {
  const attribute = node.attributes[holds ? "then_branch" : "else_branch"];
  if (attribute?.kind !== "graph") return;
  const branch = attribute.value;
  for (const [name, tensor] of branch.initializers) graph.initializers.set(name, tensor);
  const handOver = branch.outputs.map(({ name }, index): Node => ({
    name: `${node.name}/output_${index}`,
    operator: "Identity",
    domain: "",
    inputs: [name],
    outputs: [node.outputs[index] ?? ""],
    attributes: {},
  }));
  const names = new Set(graph.nodes.map(({ name }) => name));
  const inner = branch.nodes.map((node) =>
    names.has(node.name) ? { ...node, name: `${node.outputs.find((name) => name !== "")}/node` } : node,
  );
  graph.nodes.splice(graph.nodes.indexOf(node), 1, ...inner, ...handOver.filter(({ outputs }) => outputs[0] !== ""));
}

function removeConstants(graph: Graph, { constants }: InferredValues): void {
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  graph.nodes = graph.nodes.filter((node) => {
    const written = node.outputs.filter((name) => name !== "");
    if (written.some((name) => outputs.has(name) || !constants.has(name))) return true;
    for (const name of written) {
      const tensor = constants.get(name);
      if (tensor) graph.initializers.set(name, tensor);
    }
    return false;
  });
}

function removeIdentities({ graph, opsets }: Model, inferred: InferredValues): void {
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const sources = new Set([...graph.inputs.map(({ name }) => name), ...graph.initializers.keys()]);
  const names = new Map<string, string>();
  const resolve = (name: string): string => {
    let found = name;
    for (let next = names.get(found); next !== undefined; next = names.get(found)) found = next;
    return found;
  };
  graph.nodes = graph.nodes.filter((node) => {
    if (!changesNothing(node, opsets.get("") ?? 0, inferred)) return true;
    const [input, output] = [resolve(node.inputs[0] ?? ""), node.outputs[0] ?? ""];
    if (!outputs.has(output)) names.set(output, input);
    else if (!outputs.has(input) && !sources.has(input)) names.set(input, output);
    else return true;
    return false;
  });
  const all = new Map([...names.keys()].map((name) => [name, resolve(name)]));
  graph.nodes = graph.nodes.map((node) => renameValues(node, all));
}

/** Whether the first output always equals the first input and the others are not there. */
function changesNothing(node: Node, opset: number, { types, constants }: InferredValues): boolean {
  const [from, to] = [types.get(node.inputs[0] ?? ""), types.get(node.outputs[0] ?? "")];
  if (
    node.domain !== "" ||
    !from ||
    !to ||
    node.outputs.slice(1).some((name) => name !== "") ||
    subgraphs(node).length > 0
  )
    return false;
  const [before, after] = [staticShape(from.shape), staticShape(to.shape)];
  const sameShape =
    before !== undefined &&
    after !== undefined &&
    before.length === after.length &&
    before.every((extent, axis) => extent === after[axis]);
  switch (node.operator) {
    case "Identity":
      return true;
    case "Dropout":
      return opset < 12 || isFalse(node, constants);
    case "Cast":
      return from.dataType === to.dataType;
    case "Concat":
    case "Sum":
    case "Max":
    case "Min":
    case "Mean":
      return node.inputs.length === 1;
    case "Reshape":
    case "Flatten":
    case "Squeeze":
    case "Unsqueeze":
    case "Expand":
    case "Tile":
      return sameShape;
    case "Slice":
      return (
        sameShape &&
        (node.inputs[4] === undefined ||
          (constants.get(node.inputs[4])?.data as BigInt64Array | undefined)?.every((step) => step > 0) === true)
      );
    case "Pad":
      return sameShape && isZero(node.inputs[1], constants);
    default:
      return false;
  }
}

function isFalse(node: Node, constants: InferredValues["constants"]): boolean {
  return (node.inputs[2] ?? "") === "" || isZero(node.inputs[2], constants);
}

function isZero(name: string | undefined, constants: InferredValues["constants"]): boolean {
  const tensor = constants.get(name ?? "");
  return tensor !== undefined && entriesOf(tensor)?.every((entry) => entry === 0) === true;
}
