// ONNX models as plain data, close to onnx.proto3 but typed for use in TypeScript.

export type DataType =
  | "float32"
  | "float64"
  | "float16"
  | "bfloat16"
  | "int8"
  | "int16"
  | "int32"
  | "int64"
  | "uint8"
  | "uint16"
  | "uint32"
  | "uint64"
  | "bool"
  | "string";

/** float16 and bfloat16 are held as their bits in a Uint16Array, bool as 0 or 1 in a Uint8Array. */
export type TensorData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | string[];

/**
 * A dense tensor (TensorProto).
 *
 * @example
 * ```ts
 * import type { Tensor } from "cytolens";
 *
 * const matrix: Tensor = { dataType: "float32", dims: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) };
 * console.log(matrix.data.length); // 6
 * ```
 */
export interface Tensor {
  readonly dataType: DataType;
  /** One extent an axis; empty for a scalar. */
  readonly dims: readonly number[];
  /** The elements in row-major order, as many as the product of `dims`. */
  readonly data: TensorData;
}

/** A known extent, a symbol shared by equal extents ("batch"), or null where nothing is known. */
export type Dimension = number | string | null;

/**
 * A value's name and type (ValueInfoProto); only tensors are held.
 *
 * @example
 * ```ts
 * import type { ValueInfo } from "cytolens";
 *
 * const image: ValueInfo = { name: "input", dataType: "float32", shape: ["batch", 3, 224, 224] };
 * console.log(image.shape?.length); // 4
 * ```
 */
export interface ValueInfo {
  readonly name: string;
  readonly dataType: DataType;
  /** One extent an axis; undefined where even the rank is unknown. */
  readonly shape: readonly Dimension[] | undefined;
}

export type Attribute =
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "int"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "tensor"; readonly value: Tensor }
  | { readonly kind: "graph"; readonly value: Graph }
  | { readonly kind: "floats"; readonly value: readonly number[] }
  | { readonly kind: "ints"; readonly value: readonly number[] }
  | { readonly kind: "strings"; readonly value: readonly string[] };

/**
 * An operator applied to values (NodeProto). An empty string among the inputs or outputs stands for an optional one
 * left out.
 *
 * @example
 * ```ts
 * import type { Node } from "cytolens";
 *
 * const relu: Node = { name: "relu", operator: "Relu", domain: "", inputs: ["x"], outputs: ["y"], attributes: {} };
 * console.log(relu.operator); // Relu
 * ```
 */
export interface Node {
  /** May be empty; errors speak of the node by it. */
  name: string;
  /** What the ONNX specification calls it: "Conv", "Relu". */
  operator: string;
  /** "" for the operators of ONNX itself. */
  domain: string;
  /** Names of values, by position. */
  inputs: string[];
  outputs: string[];
  attributes: Record<string, Attribute>;
}

/**
 * A computation (GraphProto). Each value has one name, which one input, initialiser or node defines.
 *
 * @example
 * ```ts
 * import { readFile } from "node:fs/promises";
 * import { readModel, type Graph } from "cytolens";
 *
 * const graph: Graph = readModel(await readFile("model.onnx")).graph;
 * console.log(graph.inputs.length); // 1
 * ```
 */
export interface Graph {
  name: string;
  /** In topological order. */
  nodes: Node[];
  /** What a caller feeds; never an initialiser, as files up to IR version 3 have it. */
  inputs: ValueInfo[];
  outputs: ValueInfo[];
  /** Constant tensors, such as weights, by the name of the value. */
  initializers: Map<string, Tensor>;
  /** Types of intermediate values, where the file or shape inference gives them. */
  valueInfo: Map<string, ValueInfo>;
}

/**
 * A model (ModelProto), read by `readModel` and written by `writeModel`.
 *
 * @example
 * ```ts
 * import { readFile } from "node:fs/promises";
 * import { readModel, type Model } from "cytolens";
 *
 * const model = readModel(await readFile("model.onnx"));
 * const signed: Model = { ...model, metadata: new Map([...model.metadata, ["author", "me"]]) };
 * console.log(signed.metadata.get("author")); // me
 * ```
 */
export interface Model {
  /** The version of the file format; `writeModel` raises it where the operator sets need that. */
  irVersion: number;
  producerName: string;
  producerVersion: string;
  /** Operator set versions by domain; the default domain is "". */
  opsets: Map<string, number>;
  graph: Graph;
  /** Free texts by key (metadata_props). */
  metadata: Map<string, string>;
}
