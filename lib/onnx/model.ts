/** ONNX models as plain data, close to onnx.proto3 (IR version 10) but typed for use in TypeScript. */

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

/** A dense tensor in row-major order; `dims` is empty for a scalar. */
export interface Tensor {
  readonly dataType: DataType;
  readonly dims: readonly number[];
  readonly data: TensorData;
}

/** A known extent, a symbol shared by equal extents ("batch"), or null where nothing is known. */
export type Dimension = number | string | null;

/** A value's type; `shape` is undefined where even the rank is unknown. */
export interface ValueInfo {
  readonly name: string;
  readonly dataType: DataType;
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

/** An operator application. An empty string among the inputs or outputs stands for an optional one left out. */
export interface Node {
  name: string;
  operator: string;
  domain: string;
  inputs: string[];
  outputs: string[];
  attributes: Record<string, Attribute>;
}

/** Nodes are in topological order. `inputs` never repeats a name of `initializers`. */
export interface Graph {
  name: string;
  nodes: Node[];
  inputs: ValueInfo[];
  outputs: ValueInfo[];
  initializers: Map<string, Tensor>;
  /** Types of intermediate values, where the file or shape inference gives them. */
  valueInfo: Map<string, ValueInfo>;
}

export interface Model {
  irVersion: number;
  producerName: string;
  producerVersion: string;
  /** Operator set versions by domain; the default domain is "". */
  opsets: Map<string, number>;
  graph: Graph;
  metadata: Map<string, string>;
}
