import { ModelError } from "../contract/errors";
import { dataTypeName, dataTypeOfCode } from "./data-types";
import type { ReadExternal } from "./external-data";
import type { DataType, Dimension, Graph, Node, ValueInfo } from "./model";
import { readAttribute } from "./read-attribute";
import { readTensor } from "./read-tensor";
import { WireType, type WireReader } from "./wire";

const deepestGraph = 32;
const valueKinds: Record<number, string> = {
  4: "a sequence",
  5: "a map",
  7: "an opaque value",
  8: "a sparse tensor",
  9: "an optional value",
};

/** Inside a function, an attribute may stand for one of the function's own: by node, the attribute's name and the function's. */
export type AttributeReferences = Map<Node, Map<string, string>>;

/** What a node says beside what `Node` holds: which overload of a local function it calls. */
export interface GraphReading {
  readonly references: AttributeReferences;
  readonly overloads: Map<Node, string>;
  depth: number;
  /** Undefined: weights in other files are refused. */
  readonly external: ReadExternal | undefined;
}

export function readGraph(reader: WireReader, where: string, reading: GraphReading): Graph {
  if (++reading.depth > deepestGraph)
    throw new ModelError("model.corrupt", `Expected graphs nested at most ${deepestGraph} deep in ${where}`);
  const graph: Graph = { name: "", nodes: [], inputs: [], outputs: [], initializers: new Map(), valueInfo: new Map() };
  while (!reader.atEnd) {
    const { field, wireType } = reader.tag();
    if (wireType !== WireType.bytes) reader.skip(wireType);
    else if (field === 1) graph.nodes.push(readNode(reader.message(), reading));
    else if (field === 2) graph.name = reader.string();
    else if (field === 5) {
      const { name, tensor } = readTensor(reader.message(), where, reading.external);
      graph.initializers.set(name, tensor);
    } else if (field === 11) graph.inputs.push(demandTensor(readValueInfo(reader.message()), "input"));
    else if (field === 12) graph.outputs.push(demandTensor(readValueInfo(reader.message()), "output"));
    else if (field === 13) {
      const value = readValueInfo(reader.message());
      if (!("unsupported" in value)) graph.valueInfo.set(value.name, value);
    } else if (field === 15)
      throw new ModelError(
        "model.unsupported-type",
        `Expected dense initialisers in ${where} but found a sparse tensor`,
      );
    else reader.skip(wireType);
  }
  // Up to IR version 3 every initialiser was listed as an input too.
  graph.inputs = graph.inputs.filter(({ name }) => !graph.initializers.has(name));
  reading.depth--;
  return graph;
}

export function readNode(reader: WireReader, reading: GraphReading): Node {
  const node: Node = { name: "", operator: "", domain: "", inputs: [], outputs: [], attributes: {} };
  const attributes: WireReader[] = [];
  while (!reader.atEnd) {
    const { field, wireType } = reader.tag();
    if (wireType !== WireType.bytes) reader.skip(wireType);
    else if (field === 1) node.inputs.push(reader.string());
    else if (field === 2) node.outputs.push(reader.string());
    else if (field === 3) node.name = reader.string();
    else if (field === 4) node.operator = reader.string();
    else if (field === 5) attributes.push(reader.message());
    else if (field === 7) node.domain = defaultDomain(reader.string());
    else if (field === 8) reading.overloads.set(node, reader.string());
    else reader.skip(wireType);
  }
  const where = `node "${node.name || node.outputs[0]}" (${node.operator})`;
  for (const bytes of attributes) {
    const { name, attribute, reference } = readAttribute(
      bytes,
      where,
      (graph, place) => readGraph(graph, place, reading),
      reading.external,
    );
    if (attribute) node.attributes[name] = attribute;
    else reading.references.set(node, (reading.references.get(node) ?? new Map<string, string>()).set(name, reference));
  }
  return node;
}

/** "ai.onnx" is the default domain's other name. */
export function defaultDomain(domain: string): string {
  return domain === "ai.onnx" ? "" : domain;
}

type UnsupportedValue = { name: string; unsupported: string };

function demandTensor(value: ValueInfo | UnsupportedValue, role: string): ValueInfo {
  if (!("unsupported" in value)) return value;
  throw new ModelError(
    "model.unsupported-type",
    `Expected a tensor of a known type as ${role} "${value.name}" but found ${value.unsupported}`,
  );
}

function readValueInfo(reader: WireReader): ValueInfo | UnsupportedValue {
  let name = "";
  let unsupported = "a value without a type";
  let type: { dataType: DataType; shape: readonly Dimension[] | undefined } | undefined;
  while (!reader.atEnd) {
    const { field, wireType } = reader.tag();
    if (field === 1 && wireType === WireType.bytes) name = reader.string();
    else if (field === 2 && wireType === WireType.bytes) {
      const proto = reader.message();
      while (!proto.atEnd) {
        const inner = proto.tag();
        if (inner.wireType === WireType.bytes && inner.field === 1) {
          const read = readTensorType(proto.message());
          if (typeof read === "string") unsupported = read;
          else type = read;
        } else {
          unsupported = valueKinds[inner.field] ?? unsupported;
          proto.skip(inner.wireType);
        }
      }
    } else reader.skip(wireType);
  }
  return type ? { name, ...type } : { name, unsupported };
}

function readTensorType(reader: WireReader): { dataType: DataType; shape: readonly Dimension[] | undefined } | string {
  let code = 0;
  let shape: Dimension[] | undefined;
  while (!reader.atEnd) {
    const { field, wireType } = reader.tag();
    if (field === 1 && wireType === WireType.varint) code = reader.int64();
    else if (field === 2 && wireType === WireType.bytes) {
      shape = [];
      const dims = reader.message();
      while (!dims.atEnd) {
        const inner = dims.tag();
        if (inner.field === 1 && inner.wireType === WireType.bytes) shape.push(readDimension(dims.message()));
        else dims.skip(inner.wireType);
      }
    } else reader.skip(wireType);
  }
  const dataType = dataTypeOfCode(code);
  return dataType ? { dataType, shape } : `a tensor of ${dataTypeName(code)}`;
}

function readDimension(reader: WireReader): Dimension {
  let dimension: Dimension = null;
  while (!reader.atEnd) {
    const { field, wireType } = reader.tag();
    if (field === 1 && wireType === WireType.varint) dimension = reader.int64();
    else if (field === 2 && wireType === WireType.bytes) dimension = reader.string() || null;
    else reader.skip(wireType);
  }
  // Some exporters write -1 for a free extent.
  return typeof dimension === "number" && dimension < 0 ? null : dimension;
}
