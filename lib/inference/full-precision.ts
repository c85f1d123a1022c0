import { dataTypeCode } from "../onnx/data-types";
import type { Attribute, DataType, Graph, Model, Node, Tensor, ValueInfo } from "../onnx/model";
import { copyGraph, subgraphs } from "../onnx/references";
import { fromFloat16Bits } from "../onnx/scalar";

const halves = new Set<DataType>(["float16", "bfloat16"]);
const halfCodes = new Set([...halves].map(dataTypeCode));

/**
 * A model of half-precision numbers as one of float32: the same weights, computed more exactly. onnxruntime's CPU does so with
 * most operators anyway, and a path integral needs sums that half precision has no digits for. Other models come back as they are.
 */
export function inFullPrecision(model: Model): Model {
  return holdsHalves(model.graph) ? { ...model, graph: fullGraph(model.graph) } : model;
}

function holdsHalves(graph: Graph): boolean {
  return (
    [...graph.inputs, ...graph.outputs, ...graph.initializers.values()].some(({ dataType }) => halves.has(dataType)) ||
    graph.nodes.some((node) => Object.values(node.attributes).some(isHalf) || subgraphs(node).some(holdsHalves))
  );
}

function isHalf(attribute: Attribute): boolean {
  if (attribute.kind === "tensor") return halves.has(attribute.value.dataType);
  return false;
}

function fullGraph(original: Graph): Graph {
  const graph = copyGraph(original);
  graph.inputs = graph.inputs.map(fullInfo);
  graph.outputs = graph.outputs.map(fullInfo);
  graph.valueInfo = new Map([...graph.valueInfo].map(([name, info]) => [name, fullInfo(info)]));
  graph.initializers = new Map([...graph.initializers].map(([name, tensor]) => [name, fullTensor(tensor)]));
  for (const node of graph.nodes)
    for (const [name, attribute] of Object.entries(node.attributes))
      node.attributes[name] = fullAttribute(node, name, attribute);
  return graph;
}

/** Attributes that name a type: Cast's `to`, and `dtype` of what draws or fills. */
function fullAttribute({ domain }: Node, name: string, attribute: Attribute): Attribute {
  if (attribute.kind === "tensor") return { kind: "tensor", value: fullTensor(attribute.value) };
  if (attribute.kind === "graph") return { kind: "graph", value: fullGraph(attribute.value) };
  if (attribute.kind === "int" && domain === "" && (name === "to" || name === "dtype"))
    return halfCodes.has(attribute.value) ? { kind: "int", value: dataTypeCode("float32") } : attribute;
  return attribute;
}

function fullInfo(info: ValueInfo): ValueInfo {
  return halves.has(info.dataType) ? { ...info, dataType: "float32" } : info;
}

function fullTensor(tensor: Tensor): Tensor {
  if (!halves.has(tensor.dataType)) return tensor;
  const bits = tensor.data as Uint16Array;
  if (tensor.dataType === "float16")
    return { dataType: "float32", dims: tensor.dims, data: Float32Array.from(bits, fromFloat16Bits) };
  const words = Uint32Array.from(bits, (half) => half << 16);
  return { dataType: "float32", dims: tensor.dims, data: new Float32Array(words.buffer) };
}
