import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import type { ValueInfo } from "../../lib/onnx/model";

type TestArray = Float32Array | Float64Array | BigInt64Array | Int32Array | Uint8Array;
export interface TestTensor {
  readonly dtype: string;
  readonly dims: number[];
  readonly data: TestArray;
}

/** Every .onnx file below `folder`, sorted. */
export function modelFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".onnx"))
    .sort()
    .map((name) => path.join(folder, name));
}

const arrays: Record<string, new (buffer: ArrayBuffer) => TestArray> = {
  F32: Float32Array,
  F64: Float64Array,
  I64: BigInt64Array,
  I32: Int32Array,
  BOOL: Uint8Array,
  U8: Uint8Array,
};

/** A safetensors file: an 8-byte length, a JSON header with offsets, the data. */
function readSafetensors(file: string): Map<string, TestTensor> {
  const bytes = readFileSync(file);
  const headerEnd = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, headerEnd).toString("utf8")) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const tensors = new Map<string, TestTensor>();
  for (const [
    name,
    {
      dtype,
      shape,
      data_offsets: [start, end],
    },
  ] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const copy = new Uint8Array(bytes.subarray(headerEnd + start, headerEnd + end)).buffer;
    tensors.set(name, { dtype, dims: shape, data: new arrays[dtype]!(copy) });
  }
  return tensors;
}

const files = new Map<string, Map<string, TestTensor>>();

/** The inputs stored for a model of oracle/ops, oracle/foreign or oracle/mini. */
export function oracleInputs(modelFile: string, inputs: readonly ValueInfo[]): Map<string, TestTensor> {
  const folder = path.dirname(modelFile);
  const load = (name: string): Map<string, TestTensor> => {
    const file = path.join(folder, name);
    const known = files.get(file) ?? readSafetensors(file);
    files.set(file, known);
    return known;
  };
  const kind = path.basename(path.dirname(folder));
  const caseName = path.basename(modelFile, ".onnx");
  const find = (name: string): TestTensor | undefined => {
    if (kind === "ops") return load("cases.safetensors").get(`${caseName}/input/${name}`);
    if (kind === "foreign") return load("golden.safetensors").get("input");
    return load("../inputs-64.safetensors").get("herlev");
  };
  return new Map(
    inputs.map(({ name }) => {
      const tensor = find(name);
      if (!tensor) throw new Error(`No input "${name}" stored for ${modelFile}`);
      return [name, tensor];
    }),
  );
}
