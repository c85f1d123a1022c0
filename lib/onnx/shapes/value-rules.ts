import { intAttribute, intsAttribute, tensorAttribute } from "../attributes";
import { isFloat } from "../data-types";
import type { Dimension } from "../model";
import { elementCount } from "../tensor";
import { broadcastEntries, entriesOf, pick, roundTo, stridesOf } from "./entries";
import { sliceRanges } from "./movement";
import { axesOf } from "./reduction";
import { type Inferred, type ShapeContext, staticShape } from "./shape-rule";

/** The elements of the outputs, whose types and shapes are already known; called when the elements of every input are (partly) known. */
type ValueRule = (
  context: ShapeContext,
  dims: readonly number[],
  output: Inferred,
  outputIndex: number,
) => readonly Dimension[] | undefined;

function known(
  context: ShapeContext,
  index: number,
): { entries: readonly Dimension[]; dims: readonly number[] } | undefined {
  const entries = context.entries(index);
  const dims = staticShape(context.optional(index)?.shape);
  return entries && dims && { entries, dims };
}

function elementwise(compute: (context: ShapeContext, ...values: Dimension[]) => Dimension): ValueRule {
  return (context, dims, { dataType }) => {
    const inputs: (readonly Dimension[])[] = [];
    for (let index = 0; index < context.inputCount; index++) {
      const input = known(context, index);
      if (!input) return undefined;
      inputs.push(broadcastEntries(input.entries, input.dims, dims));
    }
    return Array.from({ length: elementCount(dims) }, (_, at) =>
      roundTo(dataType, compute(context, ...inputs.map((entries) => entries[at] ?? null))),
    );
  };
}

/** Operators of numbers alone: a symbol gives a symbol spelt like a call, or the unknown. */
function numeric(compute: (...values: number[]) => number): ValueRule {
  return elementwise((_, ...values) =>
    values.every((value) => typeof value === "number") ? compute(...values) : null,
  );
}

function folding(combine: (context: ShapeContext, a: Dimension, b: Dimension) => Dimension): ValueRule {
  return elementwise((context, first = null, ...rest) =>
    rest.reduce((sum: Dimension, value) => combine(context, sum, value), first),
  );
}

/** Comparisons decide for symbols too where they can: an extent equals itself, and is never negative. */
function equal(a: Dimension, b: Dimension): Dimension {
  if (a === null || b === null) return null;
  if (a === b) return 1;
  if (typeof a === "number" && typeof b === "number") return 0;
  const number = typeof a === "number" ? a : b;
  return typeof number === "number" && number < 0 ? 0 : null;
}

const divide: ValueRule = elementwise((context, a = null, b = null) => {
  if (isFloat(context.dataType(0))) return context.algebra.divide(a, b);
  if (typeof a === "number" && typeof b === "number") return b === 0 ? null : Math.trunc(a / b);
  return context.algebra.floorDivide(a, b);
});

const modulo: ValueRule = elementwise((context, a = null, b = null) => {
  const truncated = intAttribute(context.node, "fmod", 0) === 1;
  return context.algebra.call("mod", (x, y) => (truncated ? x % y : x - y * Math.floor(x / y)), a, b);
});

function rounding(name: string, compute: (value: number) => number): ValueRule {
  return elementwise(({ algebra }, value = null) => algebra.roundToWhole(name, compute, value));
}

function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  return value - floor === 0.5 ? floor + (floor % 2) : Math.round(value);
}

const cast: ValueRule = (context, _dims, { dataType }) => {
  if (dataType === "string") return undefined;
  const truncates = !isFloat(dataType) && dataType !== "bool";
  return context.entries(0)?.map((value) => {
    if (typeof value === "string" && dataType === "bool") return null;
    return truncates ? context.algebra.roundToWhole("int", Math.trunc, value) : roundTo(dataType, value);
  });
};

const sameEntries: ValueRule = (context) => context.entries(0);

const gather: ValueRule = (context, dims) => {
  const [data, indices] = [known(context, 0), known(context, 1)];
  if (!data || !indices?.entries.every((index) => typeof index === "number")) return undefined;
  const axis = context.axis(intAttribute(context.node, "axis", 0), data.dims.length);
  const [strides, indexStrides] = [stridesOf(data.dims), stridesOf(indices.dims)];
  const extent = data.dims[axis] ?? 1;
  return pick(dims, data.entries, (position) => {
    const at = indexStrides.reduce((sum, stride, index) => sum + (position[axis + index] ?? 0) * stride, 0);
    const index = Number(indices.entries[at]);
    const own = [
      ...position.slice(0, axis),
      index < 0 ? index + extent : index,
      ...position.slice(axis + indices.dims.length),
    ];
    return own.reduce((sum, coordinate, dimension) => sum + coordinate * (strides[dimension] ?? 1), 0);
  });
};

const slice: ValueRule = (context, dims) => {
  const data = known(context, 0);
  const ranges = data && sliceRanges(context, data.dims);
  if (!data || !ranges) return undefined;
  const [starts, steps] = [data.dims.map(() => 0), data.dims.map(() => 1)];
  for (const { axis, start, step } of ranges) {
    if (typeof start !== "number") return undefined;
    const extent = data.dims[axis] ?? 0;
    starts[axis] = Math.min(Math.max(start < 0 ? start + extent : start, 0), step < 0 ? extent - 1 : extent);
    steps[axis] = step;
  }
  const strides = stridesOf(data.dims);
  return pick(dims, data.entries, (position) =>
    position.reduce((sum, at, axis) => sum + ((starts[axis] ?? 0) + at * (steps[axis] ?? 1)) * (strides[axis] ?? 1), 0),
  );
};

const transpose: ValueRule = (context, dims) => {
  const data = known(context, 0);
  if (!data) return undefined;
  const order = intsAttribute(context.node, "perm") ?? [...data.dims.keys()].toReversed();
  const strides = stridesOf(data.dims);
  return pick(dims, data.entries, (position) =>
    order.reduce((sum, axis, index) => sum + (position[index] ?? 0) * (strides[axis] ?? 1), 0),
  );
};

const concat: ValueRule = (context, dims) => {
  const axis = context.axis(intAttribute(context.node, "axis", 1), dims.length);
  const chunk = elementCount(dims.slice(axis + 1));
  const parts = context.node.inputs.map((_, index) => {
    const shape = staticShape(context.optional(index)?.shape);
    const entries =
      context.entries(index) ??
      (shape && elementCount(shape) <= 64 ? Array.from({ length: elementCount(shape) }, () => null) : undefined);
    return entries && shape && { entries, width: (shape[axis] ?? 0) * chunk };
  });
  if (parts.some((part) => part === undefined)) return undefined;
  return Array.from({ length: elementCount(dims.slice(0, axis)) }, (_, row) =>
    parts.flatMap((part) => part?.entries.slice(row * part.width, (row + 1) * part.width) ?? []),
  ).flat();
};

const split: ValueRule = (context, dims, _output, outputIndex) => {
  const data = known(context, 0);
  if (!data) return undefined;
  const axis = context.axis(intAttribute(context.node, "axis", 0), dims.length);
  const sizes = intsAttribute(context.node, "split") ?? context.numbers(1);
  const total = data.dims[axis] ?? 0;
  const size = Math.ceil(total / intAttribute(context.node, "num_outputs", context.node.outputs.length));
  const start = sizes ? sizes.slice(0, outputIndex).reduce((sum, part) => sum + part, 0) : size * outputIndex;
  const strides = stridesOf(data.dims);
  return pick(dims, data.entries, (position) =>
    position.reduce((sum, at, index) => sum + (at + (index === axis ? start : 0)) * (strides[index] ?? 1), 0),
  );
};

const expand: ValueRule = (context, dims) => {
  const data = known(context, 0);
  return data && broadcastEntries(data.entries, data.dims, dims);
};

const tile: ValueRule = (context, dims) => {
  const data = known(context, 0);
  if (!data) return undefined;
  const strides = stridesOf(data.dims);
  return pick(dims, data.entries, (position) =>
    position.reduce((sum, at, axis) => sum + (at % (data.dims[axis] ?? 1)) * (strides[axis] ?? 1), 0),
  );
};

const constantOfShape: ValueRule = ({ node }, dims) => {
  const value = tensorAttribute(node, "value");
  const fill = value ? entriesOf(value)?.[0] : 0;
  return fill === undefined ? undefined : Array.from({ length: elementCount(dims) }, () => fill);
};

const range: ValueRule = (context, dims, { dataType }) => {
  const [start, , step] = [0, 1, 2].map((index) => context.entries(index)?.[0] ?? null) as [
    Dimension,
    Dimension,
    Dimension,
  ];
  return Array.from({ length: dims[0] ?? 0 }, (_, index) =>
    roundTo(dataType, context.algebra.add(start, context.algebra.multiply(step, index))),
  );
};

function reduce(combine: (context: ShapeContext, a: Dimension, b: Dimension) => Dimension): ValueRule {
  return (context, _dims, { dataType }) => {
    const data = known(context, 0);
    const axes = axesOf(context, 1);
    if (!data || axes === "unknown" || elementCount(data.dims) === 0) return undefined;
    if (!axes?.length && intAttribute(context.node, "noop_with_empty_axes", 0) === 1) return data.entries;
    const reduced = new Set(axes?.length ? axes.map((axis) => context.axis(axis, data.dims.length)) : data.dims.keys());
    const kept = data.dims.map((extent, axis) => (reduced.has(axis) ? 1 : extent));
    const [strides, keptStrides] = [stridesOf(data.dims), stridesOf(kept)];
    const sums: (Dimension | undefined)[] = Array.from({ length: elementCount(kept) });
    data.entries.forEach((entry, flat) => {
      const at = kept.reduce(
        (sum, extent, axis) =>
          sum + (extent === 1 ? 0 : (Math.floor(flat / (strides[axis] ?? 1)) % extent) * (keptStrides[axis] ?? 1)),
        0,
      );
      const sum = sums[at];
      sums[at] = sum === undefined ? entry : roundTo(dataType, combine(context, sum, entry));
    });
    return sums.map((sum) => sum ?? null);
  };
}

const where: ValueRule = elementwise((_, condition = null, a = null, b = null) =>
  typeof condition === "number" ? (condition === 0 ? b : a) : a === b ? a : null,
);
const add = ({ algebra }: ShapeContext, a: Dimension, b: Dimension): Dimension => algebra.add(a, b);
const multiply = ({ algebra }: ShapeContext, a: Dimension, b: Dimension): Dimension => algebra.multiply(a, b);
const least = ({ algebra }: ShapeContext, a: Dimension, b: Dimension): Dimension =>
  a === b ? a : algebra.call("min", Math.min, a, b);
const greatest = ({ algebra }: ShapeContext, a: Dimension, b: Dimension): Dimension =>
  a === b ? a : algebra.call("max", Math.max, a, b);

/** min(max(x, low), high); a bound that is left out bounds nothing. */
const clip: ValueRule = (context) => {
  const data = known(context, 0);
  const bounds = [1, 2].map((index) => (context.node.inputs[index] ? context.entries(index)?.[0] : undefined));
  if (!data || bounds.some((bound, index) => bound === undefined && context.node.inputs[index + 1])) return undefined;
  const [low, high] = bounds;
  return data.entries.map((entry) => {
    const raised = low === undefined ? entry : greatest(context, entry, low);
    return high === undefined ? raised : least(context, raised, high);
  });
};

export const valueRules: Readonly<Record<string, ValueRule>> = {
  Add: folding(add),
  Sum: folding(add),
  Sub: folding(({ algebra }, a, b) => algebra.subtract(a, b)),
  Mul: folding(multiply),
  Div: divide,
  Mod: modulo,
  Min: folding(least),
  Max: folding(greatest),
  Clip: clip,
  Pow: numeric((a, b) => a ** b),
  Equal: elementwise((_, a = null, b = null) => equal(a, b)),
  Greater: numeric((a, b) => Number(a > b)),
  GreaterOrEqual: numeric((a, b) => Number(a >= b)),
  Less: numeric((a, b) => Number(a < b)),
  LessOrEqual: numeric((a, b) => Number(a <= b)),
  And: numeric((a, b) => a & b),
  Or: numeric((a, b) => a | b),
  Xor: numeric((a, b) => a ^ b),
  Not: numeric((a) => 1 - a),
  Neg: elementwise(({ algebra }, a = null) => algebra.multiply(a, -1)),
  Abs: numeric(Math.abs),
  Sign: numeric(Math.sign),
  Sqrt: numeric(Math.sqrt),
  Reciprocal: numeric((a) => 1 / a),
  Floor: rounding("floor", Math.floor),
  Ceil: rounding("ceil", Math.ceil),
  Round: rounding("round", roundHalfToEven),
  Where: where,
  Cast: cast,
  CastLike: cast,
  Identity: sameEntries,
  Reshape: sameEntries,
  Squeeze: sameEntries,
  Unsqueeze: sameEntries,
  Flatten: sameEntries,
  Gather: gather,
  Slice: slice,
  Transpose: transpose,
  Concat: concat,
  Split: split,
  Expand: expand,
  Tile: tile,
  ConstantOfShape: constantOfShape,
  Range: range,
  ReduceSum: reduce(add),
  ReduceProd: reduce(multiply),
  ReduceMin: reduce(least),
  ReduceMax: reduce(greatest),
};
