import { ModelError } from "../contract/errors";
import type { ReadExternal } from "./external-data";
import type { Attribute, Graph } from "./model";
import { readFloats, readInts, readTensor } from "./read-tensor";
import { WireType, type WireReader } from "./wire";

/** AttributeProto.AttributeType, onnx.proto3; 6 to 8 are the lists of 1 to 3. */
const attributeTypes = ["undefined", "float", "int", "string", "tensor", "graph", "floats", "ints", "strings"] as const;
const unsupportedFields: Record<number, string> = {
  10: "a list of tensors",
  11: "a list of graphs",
  14: "a type",
  15: "a list of types",
  22: "a sparse tensor",
  23: "a list of sparse tensors",
};

export interface NamedAttribute {
  readonly name: string;
  /** undefined where `reference` says which attribute of the enclosing function is meant. */
  readonly attribute: Attribute | undefined;
  readonly reference: string;
}

/** Reads an AttributeProto. Before IR version 3 its type follows from the field that is set. */
export function readAttribute(
  reader: WireReader,
  where: string,
  readSubgraph: (reader: WireReader, where: string) => Graph,
  readExternal?: ReadExternal,
): NamedAttribute {
  let name = "";
  let reference = "";
  let type = 0;
  let seen: (typeof attributeTypes)[number] = "undefined";
  let float = 0;
  let int = 0;
  let string = "";
  let floats: number[] = [];
  let ints: number[] = [];
  const strings: string[] = [];
  let tensor: WireReader | undefined;
  let graph: WireReader | undefined;
  while (!reader.atEnd) {
    const { field, wireType } = reader.tag();
    const delimited = wireType === WireType.bytes;
    if (field === 1 && delimited) name = reader.string();
    else if (field === 2 && wireType === WireType.fixed32) [float, seen] = [reader.float32(), "float"];
    else if (field === 3 && wireType === WireType.varint) [int, seen] = [reader.int64(), "int"];
    else if (field === 4 && delimited) [string, seen] = [reader.string(), "string"];
    else if (field === 5 && delimited) [tensor, seen] = [reader.message(), "tensor"];
    else if (field === 6 && delimited) [graph, seen] = [reader.message(), "graph"];
    else if (field === 7) {
      seen = "floats";
      floats = floats.concat(readFloats(reader, wireType));
    } else if (field === 8) {
      seen = "ints";
      ints = ints.concat(readInts(reader, wireType));
    } else if (field === 9 && delimited) [, seen] = [strings.push(reader.string()), "strings"];
    else if (field === 20 && wireType === WireType.varint) type = reader.int64();
    else if (field === 21 && delimited) reference = reader.string();
    else if (field in unsupportedFields) throw unsupported(name, where, unsupportedFields[field] as string);
    else reader.skip(wireType);
  }
  if (reference) return { name, attribute: undefined, reference };
  const kind = type === 0 ? seen : attributeTypes[type];
  const place = `attribute "${name}" of ${where}`;
  const attribute = ((): Attribute => {
    switch (kind) {
      case "float":
        return { kind, value: float };
      case "int":
        return { kind, value: int };
      case "string":
        return { kind, value: string };
      case "floats":
        return { kind, value: floats };
      case "ints":
        return { kind, value: ints };
      case "strings":
        return { kind, value: strings };
      case "tensor":
        if (tensor) return { kind, value: readTensor(tensor, place, readExternal).tensor };
        break;
      case "graph":
        if (graph) return { kind, value: readSubgraph(graph, place) };
        break;
      default:
    }
    throw unsupported(name, where, kind === undefined ? `attribute type ${type}` : "no value");
  })();
  return { name, attribute, reference };
}

function unsupported(name: string, where: string, found: string): ModelError {
  return new ModelError(
    "model.unsupported-type",
    `Expected a number, string, tensor, graph or list as attribute "${name}" of ${where} but found ${found}`,
  );
}
