import * as ort from "onnxruntime-node";
import { arrayOf } from "../../lib/onnx/data-types";
import type { DataType, Model, Tensor } from "../../lib/onnx/model";
import { writeModel } from "../../lib/onnx/write-model";

export type Values = Readonly<Record<string, Tensor>>;

export interface RunningModel {
  /** All outputs for these inputs. */
  run(feeds: Values): Promise<Values>;
  release(): Promise<void>;
}

/** A session of onnxruntime for a model. `quietly` keeps onnxruntime's own log off where failures are expected. */
export async function openModel(model: Model, { quietly = false } = {}): Promise<RunningModel> {
  const logSeverityLevel = quietly ? 4 : 3;
  const session = await ort.InferenceSession.create(writeModel(model), {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel,
  });
  return {
    run: async (feeds) => {
      const taken = session.inputNames.map((name) => [name, toOrt(feeds[name], name)] as const);
      const results = await session.run(Object.fromEntries(taken), { logSeverityLevel });
      return Object.fromEntries(Object.entries(results).map(([name, value]) => [name, fromOrt(value)]));
    },
    release: () => session.release(),
  };
}

/** Runs a model once in onnxruntime and gives all its outputs. */
export async function runModel(model: Model, feeds: Values, options: { quietly?: boolean } = {}): Promise<Values> {
  const running = await openModel(model, options);
  try {
    return await running.run(feeds);
  } finally {
    await running.release();
  }
}

function toOrt(tensor: Tensor | undefined, name: string): ort.Tensor {
  if (!tensor) throw new Error(`Expected a value for input "${name}"`);
  return new ort.Tensor(tensor.dataType as ort.Tensor.Type, tensor.data as Float32Array, tensor.dims);
}

function fromOrt(value: ort.OnnxValue): Tensor {
  const tensor = value as ort.Tensor;
  return { dataType: tensor.type as DataType, dims: tensor.dims, data: tensor.data as Tensor["data"] };
}

/** max |got − want| / max |want|, or max |got| where all of `want` is zero; infinite when the shapes differ or a NaN appears. */
function maxRelativeError(got: Tensor | undefined, want: Tensor): number {
  if (!got || got.dims.join() !== want.dims.join()) return Infinity;
  let difference = 0;
  let scale = 0;
  for (const [index, value] of numbersOf(want).entries()) {
    const gap = Math.abs(numbersOf(got)[index]! - value);
    if (Number.isNaN(gap)) return Infinity;
    difference = Math.max(difference, gap);
    scale = Math.max(scale, Math.abs(value));
  }
  return scale > 0 ? difference / scale : difference;
}

export function numbersOf(
  tensor: Tensor,
): ArrayLike<number> & Iterable<number> & { entries(): Iterable<[number, number]> } {
  return tensor.data instanceof BigInt64Array ? Float64Array.from(tensor.data, Number) : (tensor.data as Float64Array);
}

/** A tensor of any numeric type from plain numbers (not float16). */
export function tensorOf(
  dataType: Exclude<DataType, "string" | "float16" | "bfloat16">,
  dims: readonly number[],
  values: ArrayLike<number>,
): Tensor {
  const data = new (arrayOf(dataType))(values.length);
  for (let index = 0; index < values.length; index++)
    data[index] = dataType === "int64" ? (BigInt(values[index]!) as never) : (values[index]! as never);
  return { dataType, dims, data };
}

/** Fails with the name and the error when a tensor is further off than the tolerance. */
export function expectClose(name: string, got: Tensor | undefined, want: Tensor, tolerance: number): void {
  const error = maxRelativeError(got, want);
  if (error <= tolerance) return;
  throw new Error(
    `"${name}" is off by ${error} (tolerance ${tolerance}): expected ${shownOf(want)} but received ${shownOf(got)}`,
  );
}

function shownOf(tensor: Tensor | undefined): string {
  return tensor ? `[${tensor.dims.join(", ")}] ${[...numbersOf(tensor)].slice(0, 8).join(" ")}` : "nothing";
}
