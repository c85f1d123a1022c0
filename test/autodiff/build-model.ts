import type { AttributeValue } from "../../lib/onnx/attributes";
import { GraphBuilder } from "../../lib/onnx/graph-builder";
import type { DataType, Dimension, Graph, Model, Tensor } from "../../lib/onnx/model";

export type NodeSketch = readonly [
  operator: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes?: Record<string, AttributeValue>,
];

export interface ModelSketch {
  readonly inputs: Record<string, readonly Dimension[]>;
  readonly outputs: Record<string, readonly Dimension[] | undefined>;
  readonly nodes: readonly NodeSketch[];
  readonly initializers?: Record<string, Tensor>;
  /** float32 unless said, by input or output name. */
  readonly types?: Record<string, DataType>;
  readonly opset?: number;
}

/** A small model written down in a test; nodes are named after their operator and place. */
export function buildModel({ inputs, outputs, nodes, initializers = {}, types = {}, opset = 18 }: ModelSketch): Model {
  const describe = (values: Record<string, readonly Dimension[] | undefined>): Graph["inputs"] =>
    Object.entries(values).map(([name, shape]) => ({ name, dataType: types[name] ?? "float32", shape }));
  const graph: Graph = {
    name: "test",
    nodes: [],
    inputs: describe(inputs),
    outputs: describe(outputs),
    initializers: new Map(Object.entries(initializers)),
    valueInfo: new Map(),
  };
  const builder = new GraphBuilder(graph);
  for (const [operator, ins, outs, attributes] of nodes) {
    builder.add(operator, ins, attributes, outs[0]);
    const node = graph.nodes.at(-1)!;
    node.outputs = [...outs];
    node.name = `${operator.toLowerCase()}_${graph.nodes.length - 1}`;
  }
  return {
    irVersion: 10,
    producerName: "test",
    producerVersion: "",
    opsets: new Map([["", opset]]),
    graph,
    metadata: new Map(),
  };
}
