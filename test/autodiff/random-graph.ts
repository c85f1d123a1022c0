import { array, constantFrom, integer, nat, record, type Arbitrary } from "fast-check";
import { GraphBuilder } from "../../lib/onnx/graph-builder";
import type { DataType, Dimension, Model, Tensor } from "../../lib/onnx/model";
import { filledTensor } from "../../lib/onnx/scalar";
import { elementCount, int64Tensor } from "../../lib/onnx/tensor";
import { buildModel } from "./build-model";
import { tensorOf } from "./run-model";

/** A random graph of smooth operators, and values for its inputs. */
export interface RandomGraph {
  readonly model: Model;
  readonly inputs: Readonly<Record<string, Tensor>>;
}

type FloatType = "float32" | "float64";

interface Sketch {
  readonly builder: GraphBuilder;
  readonly type: FloatType;
  readonly inputs: Record<string, readonly number[]>;
  /** A number below `bound`, drawn by fast-check. */
  draw(bound: number): number;
}

interface Value {
  readonly name: string;
  readonly shape: readonly number[];
}

type Step = (sketch: Sketch, value: Value) => Value | undefined;

/** Steps that keep values of a size where central differences are sharp. All have float64 kernels in onnxruntime. */
const steps: Record<string, Step> = {
  Sin: unary("Sin"),
  Cos: unary("Cos"),
  Tanh: unary("Tanh"),
  Sigmoid: unary("Sigmoid"),
  Neg: unary("Neg"),
  Identity: unary("Identity"),
  Exp: (s, v) => unary("Exp")(s, bounded(s, v)),
  Log: (s, v) => unary("Log")(s, positive(s, v)),
  Sqrt: (s, v) => unary("Sqrt")(s, positive(s, v)),
  Reciprocal: (s, v) => unary("Reciprocal")(s, positive(s, v)),
  Softmax: (s, v) => alongAxis(s, v, "Softmax"),
  LogSoftmax: (s, v) => alongAxis(s, v, "LogSoftmax"),
  Add: (s, v) => binary(s, "Add", v, partner(s, v)),
  Sub: (s, v) => binary(s, "Sub", v, partner(s, v)),
  Mul: (s, v) => binary(s, "Mul", bounded(s, v), partner(s, v)),
  Div: (s, v) => binary(s, "Div", v, positive(s, partner(s, v))),
  Pow: (s, v) => binary(s, "Pow", positive(s, v), partner(s, v)),
  Max: (s, v) => binary(s, "Max", v, partner(s, v)),
  Min: (s, v) => binary(s, "Min", v, partner(s, v)),
  Sum: (s, v) => {
    const second = partner(s, v);
    const third = partner(s, { name: "", shape: broadcast(v.shape, second.shape) });
    const shape = broadcast(broadcast(v.shape, second.shape), third.shape);
    return { name: s.builder.add("Sum", [v.name, second.name, third.name]), shape };
  },
  Where: (s, v) => {
    const other = partner(s, v);
    const shape = broadcast(v.shape, other.shape);
    const condition = s.builder.constant({
      dataType: "bool",
      dims: [...shape],
      data: Uint8Array.from({ length: elementCount(shape) }, () => s.draw(2)),
    });
    return { name: s.builder.add("Where", [condition, v.name, other.name]), shape };
  },
  ReduceSum: reduction("ReduceSum"),
  ReduceMean: reduction("ReduceMean"),
  ReduceSumSquare: reduction("ReduceSumSquare"),
  ReduceLogSumExp: reduction("ReduceLogSumExp"),
  ReduceMax: reduction("ReduceMax"),
  ReduceL2: (s, v) => reduction("ReduceL2")(s, positive(s, v)),
  ReduceProd: (s, v) => (elementCount(v.shape) > 16 ? undefined : reduction("ReduceProd")(s, positive(s, v))),
  ReduceLogSum: (s, v) => reduction("ReduceLogSum")(s, positive(s, v)),
  Transpose: (s, v) => {
    const perm = v.shape.map((_, axis) => axis);
    for (let axis = perm.length - 1; axis > 0; axis--) {
      const other = s.draw(axis + 1);
      [perm[axis], perm[other]] = [perm[other]!, perm[axis]!];
    }
    return { name: s.builder.add("Transpose", [v.name], { perm }), shape: perm.map((axis) => v.shape[axis]!) };
  },
  Reshape: (s, v) => {
    const split = s.draw(v.shape.length + 1);
    const shape = [elementCount(v.shape.slice(0, split)), elementCount(v.shape.slice(split))];
    return { name: s.builder.add("Reshape", [v.name, s.builder.int64(s.draw(2) ? shape : [shape[0]!, -1])]), shape };
  },
  Flatten: (s, v) => {
    const axis = s.draw(v.shape.length + 1);
    return {
      name: s.builder.add("Flatten", [v.name], { axis }),
      shape: [elementCount(v.shape.slice(0, axis)), elementCount(v.shape.slice(axis))],
    };
  },
  Unsqueeze: (s, v) => {
    if (v.shape.length > 4) return undefined;
    const axis = s.draw(v.shape.length + 1);
    const given = s.draw(2) ? axis : axis - v.shape.length - 1;
    return {
      name: s.builder.add("Unsqueeze", [v.name, s.builder.int64([given])]),
      shape: v.shape.toSpliced(axis, 0, 1),
    };
  },
  Squeeze: (s, v) => {
    const axis = v.shape.indexOf(1);
    if (axis < 0) return undefined;
    return {
      name: s.builder.add("Squeeze", [v.name, s.builder.int64([axis - s.draw(2) * v.shape.length])]),
      shape: v.shape.toSpliced(axis, 1),
    };
  },
  Expand: (s, v) => {
    const shape = [1 + s.draw(2), ...v.shape.map((extent) => (extent === 1 ? 1 + s.draw(3) : extent))];
    return { name: s.builder.add("Expand", [v.name, s.builder.int64(shape)]), shape };
  },
  Tile: (s, v) => {
    const repeats = v.shape.map(() => 1 + s.draw(2));
    if (v.shape.length === 0) return undefined;
    return {
      name: s.builder.add("Tile", [v.name, s.builder.int64(repeats)]),
      shape: v.shape.map((extent, axis) => extent * repeats[axis]!),
    };
  },
  Slice: (s, v) => {
    if (v.shape.length === 0) return undefined;
    const axis = s.draw(v.shape.length);
    const extent = v.shape[axis]!;
    const step = [1, 1, 2, -1, -2][s.draw(5)]!;
    const start = s.draw(extent);
    const end = step > 0 ? extent + s.draw(3) : -extent - 1 - s.draw(2);
    const size = step > 0 ? Math.ceil((extent - start) / step) : Math.ceil((start + 1) / -step);
    const bounds = [start - s.draw(2) * extent, end, axis, step].map((number) => s.builder.int64([number]));
    return { name: s.builder.add("Slice", [v.name, ...bounds]), shape: v.shape.with(axis, size) };
  },
  Concat: (s, v) => {
    if (v.shape.length === 0) return undefined;
    const axis = s.draw(v.shape.length);
    const other = input(s, v.shape.with(axis, 1 + s.draw(3)));
    const name = s.builder.add("Concat", [v.name, other.name, v.name], { axis: axis - s.draw(2) * v.shape.length });
    return { name, shape: v.shape.with(axis, 2 * v.shape[axis]! + other.shape[axis]!) };
  },
  Split: (s, v) => {
    const axis = v.shape.findIndex((extent) => extent > 1);
    if (axis < 0) return undefined;
    const first = 1 + s.draw(v.shape[axis]! - 1);
    const sizes = [first, v.shape[axis]! - first];
    const parts = s.builder.addMany("Split", [v.name, s.builder.int64(sizes)], 2, { axis });
    const index = s.draw(2);
    return { name: parts[index]!, shape: v.shape.with(axis, sizes[index]!) };
  },
  Clip: (s, v) => ({ name: s.builder.add("Clip", [v.name, scalar(s, -0.7), scalar(s, 0.9)]), shape: v.shape }),
  Mod: (s, v) => ({ name: s.builder.add("Mod", [v.name, scalar(s, 7.25)], { fmod: 1 }), shape: v.shape }),
};

export const stepNames = Object.keys(steps);

/** Graphs of a few random steps over random shapes, at least one of which is the step named. */
export function randomGraph(type: FloatType, step: string): Arbitrary<RandomGraph> {
  const shape = array(integer({ min: 1, max: 4 }), { maxLength: 4 });
  const choices = array(nat(1_000_000), { minLength: 40, maxLength: 40 });
  return record({
    shape,
    before: array(constantFrom(...stepNames), { maxLength: 2 }),
    after: array(constantFrom(...stepNames), { maxLength: 2 }),
    choices,
    seed: nat(),
  }).map((drawn) => assemble(type, drawn.shape, [...drawn.before, step, ...drawn.after], drawn.choices, drawn.seed));
}

function assemble(
  type: FloatType,
  shape: readonly number[],
  names: readonly string[],
  choices: readonly number[],
  seed: number,
): RandomGraph {
  const model = buildModel({ inputs: {}, outputs: {}, nodes: [] });
  let used = 0;
  const sketch: Sketch = {
    builder: new GraphBuilder(model.graph),
    type,
    inputs: {},
    draw: (bound) => choices[used++ % choices.length]! % bound,
  };
  const first = input(sketch, shape);
  const values = [first];
  for (const name of names) {
    const next = steps[name]!(sketch, values.at(-1)!);
    if (next && elementCount(next.shape) <= 600) values.push(next);
  }
  const outputs = new Set([values.at(-1)!, values[values.length >> 1]!].filter((value) => value !== first));
  if (outputs.size === 0) outputs.add({ name: sketch.builder.add("Tanh", [first.name]), shape });
  const describe = (
    name: string,
    dims: readonly Dimension[],
  ): { name: string; dataType: DataType; shape: readonly Dimension[] } => ({ name, dataType: type, shape: dims });
  model.graph.inputs.push(...Object.entries(sketch.inputs).map(([name, dims]) => describe(name, dims)));
  model.graph.outputs.push(...[...outputs].map(({ name, shape: dims }) => describe(name, dims)));
  const random = uniform(seed);
  return {
    model,
    inputs: Object.fromEntries(
      Object.entries(sketch.inputs).map(([name, dims]) => [name, randomTensor(type, dims, random)]),
    ),
  };
}

export function randomTensor(type: FloatType, dims: readonly number[], random: () => number): Tensor {
  return tensorOf(
    type,
    dims,
    Array.from({ length: elementCount(dims) }, () => 2 * random() - 1),
  );
}

/** Uniform numbers in [0, 1) (Marsaglia's xorshift32). */
export function uniform(seed: number): () => number {
  let state = (seed ^ 0x9e3779b9) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

function unary(operator: string): (sketch: Sketch, value: Value) => Value {
  return ({ builder }, { name, shape }) => ({ name: builder.add(operator, [name]), shape });
}

function bounded(sketch: Sketch, value: Value): Value {
  return unary("Tanh")(sketch, value);
}

/** 1.5 + sin(value), between 0.5 and 2.5. */
function positive(sketch: Sketch, value: Value): Value {
  const { name, shape } = unary("Sin")(sketch, value);
  return { name: sketch.builder.add("Add", [name, scalar(sketch, 1.5)]), shape };
}

function scalar(sketch: Sketch, value: number): string {
  return sketch.builder.constant(filledTensor(value, sketch.type, []));
}

function input(sketch: Sketch, shape: readonly number[]): Value {
  const name = sketch.builder.claimName("x");
  sketch.inputs[name] = shape;
  return { name, shape };
}

/** A new input whose shape broadcasts with the value's: fewer or more axes, extents of 1 on either side. */
function partner(sketch: Sketch, value: Value): Value {
  const kept = value.shape
    .slice(sketch.draw(value.shape.length + 1))
    .map((extent) => (sketch.draw(3) === 0 ? 1 : extent));
  const stretched = kept.map((extent, index) =>
    value.shape.at(index - kept.length) === 1 && sketch.draw(2) ? 1 + sketch.draw(3) : extent,
  );
  return input(
    sketch,
    kept.length === value.shape.length && kept.length < 4 && sketch.draw(3) === 0 ? [2, ...stretched] : stretched,
  );
}

function binary({ builder }: Sketch, operator: string, a: Value, b: Value): Value {
  return { name: builder.add(operator, [a.name, b.name]), shape: broadcast(a.shape, b.shape) };
}

function broadcast(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) =>
    Math.max(a[axis - rank + a.length] ?? 1, b[axis - rank + b.length] ?? 1),
  );
}

function alongAxis({ builder, draw }: Sketch, { name, shape }: Value, operator: string): Value | undefined {
  return shape.length === 0
    ? undefined
    : { name: builder.add(operator, [name], { axis: draw(2 * shape.length) - shape.length }), shape };
}

function reduction(operator: string): Step {
  return ({ builder, draw }, { name, shape }) => {
    const axes = shape.map((_, axis) => axis).filter(() => draw(2) === 1);
    const keepdims = draw(2);
    const given = axes.map((axis) => axis - draw(2) * shape.length);
    const named = axes.length > 0;
    const reduced = (axis: number): boolean => !named || axes.includes(axis);
    return {
      name: builder.add(operator, named ? [name, builder.constant(int64Tensor(given))] : [name], { keepdims }),
      shape: keepdims
        ? shape.map((extent, axis) => (reduced(axis) ? 1 : extent))
        : shape.filter((_, axis) => !reduced(axis)),
    };
  };
}
