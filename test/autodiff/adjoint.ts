import { differentiateNamed } from "../../lib/autodiff/differentiate";
import type { AttributeValue } from "../../lib/onnx/attributes";
import { isFloat } from "../../lib/onnx/data-types";
import type { DataType, Dimension, Model, Tensor } from "../../lib/onnx/model";
import { buildModel } from "./build-model";
import { numbersOf, runModel, tensorOf, type Values } from "./run-model";

/** One node and the values it is tried on. Inputs in `fixed` become initialisers; an empty name leaves an input out. */
export interface NodeCase {
  readonly operator: string;
  readonly attributes?: Record<string, AttributeValue>;
  readonly order: readonly string[];
  readonly inputs: Values;
  readonly fixed?: readonly string[];
  readonly wrt: readonly string[];
  readonly outputs?: readonly string[];
  /** Outputs that get a cotangent; the first alone unless said. */
  readonly differentiated?: readonly string[];
  readonly opset?: number;
  readonly types?: Record<string, DataType>;
}

/** Deterministic numbers in [−1, 1) that differ for every seed. */
export function noise(seed: number, count: number): Float64Array {
  let state = (seed * 2654435761 + 12345) >>> 0;
  return Float64Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

export function noiseTensor(
  seed: number,
  dims: readonly number[],
  dataType: "float32" | "float64" = "float32",
): Tensor {
  return tensorOf(
    dataType,
    dims,
    noise(
      seed,
      dims.reduce((a, b) => a * b, 1),
    ),
  );
}

/** Every case in two forms: all extents known, and none (a symbol for each extent of each differentiated input). */
export type Knowledge = "static" | "symbolic";

function modelOf(of: NodeCase, knowledge: Knowledge, known: Values = {}): Model {
  const fixed = new Set(of.fixed ?? []);
  const outputs = of.outputs ?? ["y"];
  const shapeOf = (name: string, tensor: Tensor): Dimension[] =>
    tensor.dims.map((extent, axis) =>
      knowledge === "symbolic" && (of.wrt.includes(name) || outputs.includes(name)) ? `${name}${axis}` : extent,
    );
  const named = Object.entries(of.inputs);
  return buildModel({
    inputs: Object.fromEntries(
      named.filter(([name]) => !fixed.has(name)).map(([name, tensor]) => [name, shapeOf(name, tensor)]),
    ),
    outputs: Object.fromEntries(outputs.map((name) => [name, known[name] && shapeOf(name, known[name])])),
    nodes: [[of.operator, of.order, outputs, of.attributes]],
    initializers: Object.fromEntries(named.filter(([name]) => fixed.has(name))),
    types: {
      ...Object.fromEntries(named.map(([name, { dataType }]) => [name, dataType])),
      ...Object.fromEntries(outputs.map((name) => [name, firstType(of)])),
      ...of.types,
    },
    opset: of.opset ?? 21,
  });
}

function firstType(of: NodeCase): DataType {
  return named(of.inputs, of.order.find((name) => name && isFloat(named(of.inputs, name).dataType)) ?? "").dataType;
}

function named(values: Values, name: string): Tensor {
  const tensor = values[name];
  if (!tensor) throw new Error(`Expected a value named "${name}"`);
  return tensor;
}

/** Whether onnxruntime runs the node at all, and something comes out. */
export async function runs(of: NodeCase): Promise<boolean> {
  try {
    const results = await runModel(modelOf(of, "static"), of.inputs, { quietly: true });
    return Object.values(results).every(({ dims }) => !dims.includes(0));
  } catch {
    return false;
  }
}

export interface Gradients {
  readonly outputs: Values;
  readonly cotangents: Values;
  readonly gradients: Values;
}

/** Runs the differentiated node under cotangents of noise. */
export async function gradientsOf(of: NodeCase, knowledge: Knowledge): Promise<Gradients> {
  const plain = await runModel(modelOf(of, "static"), of.inputs);
  const model = modelOf(of, knowledge, plain);
  const differentiated = of.differentiated ?? [(of.outputs ?? ["y"])[0]!];
  const {
    model: backward,
    cotangents,
    gradients,
  } = differentiateNamed(model, { outputs: differentiated, wrt: of.wrt });
  const given = Object.fromEntries(
    differentiated.map((name, index) => {
      const { dataType, dims } = named(plain, name);
      return [
        name,
        tensorOf(
          dataType as "float32",
          dims,
          noise(
            77 + index,
            dims.reduce((a, b) => a * b, 1),
          ),
        ),
      ];
    }),
  );
  const feeds = {
    ...of.inputs,
    ...Object.fromEntries([...cotangents].map(([name, input]) => [input, named(given, name)])),
  };
  const results = await runModel(backward, feeds);
  return {
    outputs: plain,
    cotangents: given,
    gradients: Object.fromEntries([...gradients].map(([name, output]) => [name, named(results, output)])),
  };
}

function dot(a: Tensor, b: Tensor): number {
  const [x, y] = [numbersOf(a), numbersOf(b)];
  let sum = 0;
  for (let index = 0; index < x.length; index++) sum += x[index]! * y[index]!;
  return sum;
}

function scaleOf(a: Tensor, b: Tensor): number {
  return Math.sqrt(dot(a, a) * dot(b, b)) + 1e-30;
}

/**
 * Fails unless ⟨J v, w⟩ = ⟨v, Jᵀ w⟩ for each differentiated input, with J v found by running the node itself: exactly (v = x, the
 * rest being affine in it) when `step` is undefined, else by central differences of that step.
 */
export async function expectAdjoint(
  of: NodeCase,
  knowledge: Knowledge,
  { step, tolerance = 1e-4 }: { step?: number; tolerance?: number } = {},
): Promise<void> {
  const { gradients, cotangents } = await gradientsOf(of, knowledge);
  const plain = modelOf({ ...of, fixed: [] }, "static");
  for (const name of of.wrt) {
    const x = named(of.inputs, name);
    const gradient = named(gradients, name);
    expect(gradient.dims).toEqual(x.dims);
    const v = step === undefined ? x : tensorOf(x.dataType as "float32", x.dims, noise(991, x.data.length));
    const moved = async (by: number): Promise<Values> => {
      const values = numbersOf(x);
      const direction = numbersOf(v);
      return runModel(plain, {
        ...of.inputs,
        [name]: tensorOf(
          x.dataType as "float32",
          x.dims,
          Float64Array.from(values, (value, index) => value + by * direction[index]!),
        ),
      });
    };
    const [ahead, behind] =
      step === undefined ? [await moved(0), await moved(-1)] : [await moved(step), await moved(-step)];
    const width = step === undefined ? 1 : 2 * step;
    let [forward, scale] = [0, scaleOf(v, gradient)];
    for (const [output, w] of Object.entries(cotangents)) {
      forward += (dot(named(ahead, output), w) - dot(named(behind, output), w)) / width;
      scale = Math.max(scale, step === undefined ? scaleOf(named(ahead, output), w) : 0);
    }
    const gap = Math.abs(forward - dot(v, gradient)) / scale;
    if (!(gap <= tolerance)) {
      throw new Error(
        `adjoint identity of ${of.operator} for "${name}" (${knowledge}) is off by ${gap}: ${forward} against ${dot(v, gradient)}; ${JSON.stringify(of.attributes)}; ` +
          Object.entries(of.inputs)
            .map(([input, { dims }]) => `${input}[${dims.join(", ")}]`)
            .join(" "),
      );
    }
  }
}
