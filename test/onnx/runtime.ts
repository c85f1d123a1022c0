import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import type { DataType, Model, TensorData } from "../../lib/onnx/model";
import { writeModel } from "../../lib/onnx/write-model";

export interface Feed {
  readonly dataType?: DataType;
  readonly dims: readonly number[];
  readonly data: TensorData;
}

export interface Output {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: ArrayLike<number | bigint | string>;
}

function ortType(data: TensorData, dataType?: DataType): ConstructorParameters<typeof OrtTensor>[0] {
  if (dataType) return dataType as never;
  if (data instanceof Float32Array) return "float32" as never;
  if (data instanceof Float64Array) return "float64" as never;
  if (data instanceof BigInt64Array) return "int64" as never;
  if (data instanceof Int32Array) return "int32" as never;
  if (data instanceof Uint8Array) return "bool" as never;
  throw new Error("Unexpected data");
}

/** Runs a model or a file's bytes in onnxruntime, without its own graph rewrites, and returns the outputs by name. */
export async function runModel(
  model: Model | Uint8Array,
  feeds: ReadonlyMap<string, Feed>,
): Promise<Map<string, Output>> {
  const bytes = model instanceof Uint8Array ? model : writeModel(model);
  const session = await InferenceSession.create(bytes, {
    graphOptimizationLevel: "disabled",
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  try {
    const inputs = Object.fromEntries(
      [...feeds]
        .filter(([name]) => session.inputNames.includes(name))
        .map(([name, { dims, data, dataType }]) => [
          name,
          new (OrtTensor as unknown as new (type: unknown, data: unknown, dims: unknown) => OrtTensor)(
            ortType(data, dataType),
            data,
            dims,
          ),
        ]),
    );
    const results = await session.run(inputs);
    return new Map(
      Object.entries(results).map(([name, tensor]) => [
        name,
        { type: tensor.type, dims: tensor.dims, data: tensor.data as Output["data"] },
      ]),
    );
  } finally {
    await session.release();
  }
}

/** Largest difference relative to the largest expected magnitude; infinite when shapes or NaNs differ. */
export function difference(received: Output, expected: Output): number {
  if (received.dims.join() !== expected.dims.join() || received.data.length !== expected.data.length) return Infinity;
  let worst = 0;
  let scale = 1e-30;
  for (let index = 0; index < expected.data.length; index++) {
    const [a, b] = [Number(received.data[index]), Number(expected.data[index])];
    if (Object.is(a, b) || a === b) continue;
    if (!Number.isFinite(a) || !Number.isFinite(b)) return Infinity;
    worst = Math.max(worst, Math.abs(a - b));
  }
  for (let index = 0; index < expected.data.length; index++)
    scale = Math.max(scale, Math.abs(Number(expected.data[index])));
  return worst / scale;
}
