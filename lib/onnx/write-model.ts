import { dataTypeCode } from "./data-types";
import type { Attribute, Dimension, Graph, Model, Node, Tensor, ValueInfo } from "./model";
import { irVersionOfOpset } from "./operators";
import { WireWriter } from "./wire";

const attributeTypeCodes: Record<Attribute["kind"], number> = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
};

/**
 * The model as an ONNX file (ModelProto of onnx.proto3). Weights are written as raw_data and copied once. The IR
 * version is raised where the operator set needs a newer one. The model is not checked: what `readModel` would refuse
 * is written as it is.
 *
 * @returns the whole file; beyond 2 GiB, the limit of protocol buffers, other readers refuse it
 *
 * @example
 * ```ts
 * import { readFile, writeFile } from "node:fs/promises";
 * import { differentiate, readModel, writeModel } from "cytolens";
 *
 * await writeFile("gradients.onnx", writeModel(differentiate(readModel(await readFile("model.onnx")))));
 * ```
 */
export function writeModel(model: Model): Uint8Array {
  const writer = new WireWriter();
  writer.int64(1, Math.max(model.irVersion, irVersionOfOpset(model.opsets.get("") ?? 0)));
  if (model.producerName) writer.string(2, model.producerName);
  if (model.producerVersion) writer.string(3, model.producerVersion);
  writer.message(7, graphMessage(model.graph));
  for (const [domain, version] of model.opsets) {
    const opset = new WireWriter();
    if (domain) opset.string(1, domain);
    opset.int64(2, version);
    writer.message(8, opset);
  }
  for (const [key, value] of model.metadata) {
    const entry = new WireWriter();
    entry.string(1, key);
    entry.string(2, value);
    writer.message(14, entry);
  }
  return writer.finish();
}

function graphMessage(graph: Graph): WireWriter {
  const writer = new WireWriter();
  for (const node of graph.nodes) writer.message(1, nodeMessage(node));
  writer.string(2, graph.name || "graph");
  for (const [name, tensor] of graph.initializers) writer.message(5, tensorMessage(tensor, name));
  for (const value of graph.inputs) writer.message(11, valueInfoMessage(value));
  for (const value of graph.outputs) writer.message(12, valueInfoMessage(value));
  const interfaceNames = new Set([...graph.inputs, ...graph.outputs].map(({ name }) => name));
  for (const value of graph.valueInfo.values())
    if (!interfaceNames.has(value.name)) writer.message(13, valueInfoMessage(value));
  return writer;
}

function nodeMessage(node: Node): WireWriter {
  const writer = new WireWriter();
  for (const input of node.inputs) writer.string(1, input);
  for (const output of node.outputs) writer.string(2, output);
  if (node.name) writer.string(3, node.name);
  writer.string(4, node.operator);
  for (const [name, attribute] of Object.entries(node.attributes)) writer.message(5, attributeMessage(name, attribute));
  if (node.domain) writer.string(7, node.domain);
  return writer;
}

function attributeMessage(name: string, attribute: Attribute): WireWriter {
  const writer = new WireWriter();
  writer.string(1, name);
  switch (attribute.kind) {
    case "float":
      writer.float32(2, attribute.value);
      break;
    case "int":
      writer.int64(3, attribute.value);
      break;
    case "string":
      writer.string(4, attribute.value);
      break;
    case "tensor":
      writer.message(5, tensorMessage(attribute.value));
      break;
    case "graph":
      writer.message(6, graphMessage(attribute.value));
      break;
    case "floats":
      writer.packedFloat32(7, attribute.value);
      break;
    case "ints":
      writer.packedInt64(8, attribute.value);
      break;
    case "strings":
      for (const value of attribute.value) writer.string(9, value);
      break;
  }
  writer.int64(20, attributeTypeCodes[attribute.kind]);
  return writer;
}

function tensorMessage(tensor: Tensor, name = ""): WireWriter {
  const writer = new WireWriter();
  if (tensor.dims.length > 0) writer.packedInt64(1, tensor.dims);
  writer.int64(2, dataTypeCode(tensor.dataType));
  if (Array.isArray(tensor.data)) for (const value of tensor.data) writer.string(6, value);
  if (name) writer.string(8, name);
  if (!Array.isArray(tensor.data))
    writer.byteString(9, new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength));
  return writer;
}

function valueInfoMessage({ name, dataType, shape }: ValueInfo): WireWriter {
  const tensor = new WireWriter();
  tensor.int64(1, dataTypeCode(dataType));
  if (shape) {
    const dims = new WireWriter();
    for (const dimension of shape) dims.message(1, dimensionMessage(dimension));
    tensor.message(2, dims);
  }
  const type = new WireWriter();
  type.message(1, tensor);
  const writer = new WireWriter();
  writer.string(1, name);
  writer.message(2, type);
  return writer;
}

function dimensionMessage(dimension: Dimension): WireWriter {
  const writer = new WireWriter();
  if (typeof dimension === "number") writer.int64(1, dimension);
  else if (typeof dimension === "string") writer.string(2, dimension);
  return writer;
}
