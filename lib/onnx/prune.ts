import { ModelError } from "../contract/errors";
import { inferShapes } from "./infer-shapes";
import type { Graph, Model, ValueInfo } from "./model";
import { ancestorsOf } from "./references";

/**
 * Leaves out nodes, initialisers and notes on values that the outputs do not depend on. Inputs stay.
 * `outputs` are any values of the graph that become its outputs, in this order; by default the outputs it has.
 * @throws ModelError model.unknown-output
 */
export function prune(model: Model, outputs?: readonly string[]): Model {
  const { graph } = model;
  return { ...model, graph: pruneGraph(outputs ? { ...graph, outputs: chooseOutputs(model, outputs) } : graph) };
}

function chooseOutputs(model: Model, names: readonly string[]): ValueInfo[] {
  const known = new Map(model.graph.outputs.map((output) => [output.name, output]));
  const types = names.every((name) => known.has(name)) ? known : inferShapes(model);
  return names.map((name) => {
    const type = known.get(name) ?? types.get(name);
    if (type) return type;
    throw new ModelError(
      "model.unknown-output",
      `Expected a value of known type as output but nothing in the graph is called "${name}"`,
    );
  });
}

function pruneGraph(graph: Graph): Graph {
  const needed = ancestorsOf(
    graph,
    graph.outputs.map(({ name }) => name),
  );
  const nodes = graph.nodes.filter(({ outputs }) => outputs.some((name) => needed.has(name)));
  const computed = new Set(nodes.flatMap(({ outputs }) => outputs));
  return {
    ...graph,
    nodes,
    initializers: new Map([...graph.initializers].filter(([name]) => needed.has(name))),
    valueInfo: new Map([...graph.valueInfo].filter(([name]) => computed.has(name))),
  };
}
