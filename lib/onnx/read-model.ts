import { ModelError } from "../contract/errors";
import { inlineFunctions, type FunctionDefinition } from "./inline-functions";
import type { Model } from "./model";
import { newestOpset } from "./operators";
import { defaultDomain, readGraph, readNode, type GraphReading } from "./read-graph";
import type { ReadExternal } from "./external-data";
import { readAttribute } from "./read-attribute";
import { addEntry } from "./read-tensor";
import { validate } from "./validate";
import { WireError, WireReader, WireType } from "./wire";

/** What people hand in by mistake, by the first bytes. */
const otherFormats: readonly (readonly [RegExp, string])[] = [
  [/^\s*</, "an HTML or XML page (a download that failed?)"],
  [/^PK/, "a zip archive (a PyTorch .pth?)"],
  [/^.{8}\{/s, "a safetensors file"],
  [/^\x89HDF/, "an HDF5 file"],
  [/^\x80/, "a Python pickle"],
  [/^\s*\{/, "JSON"],
  [/^version https:\/\/git-lfs/, "a Git LFS pointer"],
  [/^.\x8b/s, "a gzip archive"],
];

/**
 * Reads an ONNX file (ModelProto of onnx.proto3, IR version 3 and newer), with local functions inlined. Operator sets
 * 1 to 28 are read; `differentiate` takes those from 7 on. Weights stay windows on `bytes` where they lie aligned: do
 * not change `bytes` afterwards.
 *
 * @param bytes the whole file; weights in other files are read where `external` does it, else refused
 * @returns the model, its weights windows on `bytes`
 * @throws ModelError model.not-onnx, model.truncated, model.corrupt, model.external-data, model.unknown-opset,
 * model.unsupported-type or model.invalid-graph
 *
 * @example
 * ```ts
 * import { readFile } from "node:fs/promises";
 * import { readModel } from "cytolens";
 *
 * const model = readModel(await readFile("model.onnx"));
 * console.log(model.graph.inputs[0]?.name); // input
 * ```
 */
export function readModel(bytes: Uint8Array, { external }: { readonly external?: ReadExternal } = {}): Model {
  refuseOtherFormats(bytes);
  let graphSeen = false;
  try {
    const fields = scan(new WireReader(bytes));
    graphSeen = fields.graph !== undefined;
    const reading: GraphReading = { references: new Map(), overloads: new Map(), depth: 0, external };
    if (!fields.graph)
      throw new ModelError("model.truncated", "Expected a whole ONNX file but it ends before the graph");
    const model: Model = {
      irVersion: fields.irVersion,
      producerName: fields.producerName,
      producerVersion: fields.producerVersion,
      opsets: fields.opsets,
      metadata: fields.metadata,
      graph: readGraph(fields.graph, "the graph", reading),
    };
    const functions = fields.functions.map((reader) => readFunction(reader, reading));
    checkOpsets(model);
    inlineFunctions(model, functions, reading);
    checkDomains(model);
    validate(model);
    return model;
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    if (error.truncated && !graphSeen)
      throw new ModelError("model.truncated", `Expected a whole ONNX file but it ends too early: ${error.message}`, {
        cause: error,
      });
    throw new ModelError("model.corrupt", `Expected an ONNX file but its structure is damaged: ${error.message}`, {
      cause: error,
    });
  }
}

function refuseOtherFormats(bytes: Uint8Array): void {
  if (bytes.length === 0) throw notOnnx("an empty file");
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 64)).toString("latin1");
  const found = otherFormats.find(([pattern]) => pattern.test(start));
  if (found) throw notOnnx(found[1]);
}

function notOnnx(found: string): ModelError {
  return new ModelError("model.not-onnx", `Expected an ONNX model but found ${found}`);
}

interface ModelFields {
  irVersion: number;
  producerName: string;
  producerVersion: string;
  opsets: Map<string, number>;
  metadata: Map<string, string>;
  graph: WireReader | undefined;
  functions: WireReader[];
}

/** The wire types of ModelProto's fields: anything else at the top level is not an ONNX file. */
const modelWireTypes: Record<number, number> = {
  1: 0,
  2: 2,
  3: 2,
  4: 2,
  5: 0,
  6: 2,
  7: 2,
  8: 2,
  14: 2,
  20: 2,
  25: 2,
  26: 2,
};

function scan(reader: WireReader): ModelFields {
  const fields: ModelFields = {
    irVersion: 0,
    producerName: "",
    producerVersion: "",
    opsets: new Map(),
    metadata: new Map(),
    graph: undefined,
    functions: [],
  };
  let recognised = false;
  while (!reader.atEnd) {
    try {
      const { field, wireType } = reader.tag();
      if (field in modelWireTypes && modelWireTypes[field] !== wireType)
        throw new WireError(`Field ${field} has wire type ${wireType}`);
      if (field === 1) {
        fields.irVersion = reader.int64();
        recognised ||= fields.irVersion > 0 && fields.irVersion < 100;
      } else if (field === 2) fields.producerName = reader.string();
      else if (field === 3) fields.producerVersion = reader.string();
      else if (field === 7) fields.graph = reader.message();
      else if (field === 8) addOpset(reader.message(), fields.opsets);
      else if (field === 14) addEntry(reader.message(), fields.metadata);
      else if (field === 25) fields.functions.push(reader.message());
      else reader.skip(wireType);
    } catch (error) {
      if (error instanceof WireError && !recognised) throw notOnnx("bytes that are no protocol buffer of that kind");
      throw error;
    }
  }
  return fields;
}

function addOpset(reader: WireReader, opsets: Map<string, number>): void {
  let domain = "";
  let version = 0;
  while (!reader.atEnd) {
    const { field, wireType } = reader.tag();
    if (field === 1 && wireType === WireType.bytes) domain = defaultDomain(reader.string());
    else if (field === 2 && wireType === WireType.varint) version = reader.int64();
    else reader.skip(wireType);
  }
  opsets.set(domain, Math.max(version, opsets.get(domain) ?? 0));
}

function readFunction(reader: WireReader, reading: GraphReading): FunctionDefinition {
  const definition: FunctionDefinition = {
    name: "",
    domain: "",
    overload: "",
    inputs: [],
    outputs: [],
    nodes: [],
    defaults: {},
    opsets: new Map(),
  };
  while (!reader.atEnd) {
    const { field, wireType } = reader.tag();
    if (wireType !== WireType.bytes) reader.skip(wireType);
    else if (field === 1) definition.name = reader.string();
    else if (field === 4) definition.inputs.push(reader.string());
    else if (field === 5) definition.outputs.push(reader.string());
    else if (field === 7) definition.nodes.push(readNode(reader.message(), reading));
    else if (field === 9) addOpset(reader.message(), definition.opsets);
    else if (field === 10) definition.domain = defaultDomain(reader.string());
    else if (field === 11) {
      const { name, attribute } = readAttribute(
        reader.message(),
        `function "${definition.name}"`,
        (graph, where) => readGraph(graph, where, reading),
        reading.external,
      );
      if (attribute) definition.defaults[name] = attribute;
    } else if (field === 13) definition.overload = reader.string();
    else reader.skip(wireType);
  }
  return definition;
}

function checkOpsets({ opsets }: Model): void {
  const version = opsets.get("");
  const listed = [...opsets].map(([domain, number]) => `${domain || "ai.onnx"} ${number}`).join(", ") || "none";
  if (version === undefined)
    throw new ModelError(
      "model.unknown-opset",
      `Expected the model to say which ai.onnx operator set it uses but it lists ${listed}`,
    );
  if (version < 1 || version > newestOpset) {
    throw new ModelError(
      "model.unknown-opset",
      `Expected an ai.onnx operator set between 1 and ${newestOpset} but the model asks for ${listed}`,
    );
  }
}

function checkDomains({ graph, opsets }: Model): void {
  const unknown = new Set(
    graph.nodes.filter(({ domain }) => !opsets.has(domain)).map(({ domain, operator }) => `${domain}.${operator}`),
  );
  if (unknown.size === 0) return;
  throw new ModelError(
    "model.unknown-opset",
    `Expected operators of the listed sets (${[...opsets.keys()].map((domain) => domain || "ai.onnx").join(", ")}) but found ${[...unknown].join(", ")}`,
  );
}
