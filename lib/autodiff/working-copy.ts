import type { Graph, Model } from "../onnx/model";

/** A copy that may grow: the tensors are shared, for nothing here changes them. */
export function workingCopy(model: Model): Model {
  const { graph } = model;
  const copied: Graph = {
    ...graph,
    nodes: graph.nodes.map((node) => ({
      ...node,
      inputs: [...node.inputs],
      outputs: [...node.outputs],
      attributes: { ...node.attributes },
    })),
    inputs: [...graph.inputs],
    outputs: [...graph.outputs],
    initializers: new Map(graph.initializers),
    valueInfo: new Map(graph.valueInfo),
  };
  return { ...model, opsets: new Map(model.opsets), metadata: new Map(model.metadata), graph: copied };
}
