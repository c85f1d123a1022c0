import { intAttribute, intsAttribute } from "../attributes";
import type { Dimension } from "../model";
import { broadcast } from "./elementwise";
import { axesOf } from "./reduction";
import { mergeExtents, type ShapeContext, type ShapeRule, type ShapeRules, unknownExtents } from "./shape-rule";

/** A shape of which only the rank may be known, from the extent of the tensor that gives it. */
export function shapeFromInput(context: ShapeContext, index: number): readonly Dimension[] | undefined {
  const entries = context.entries(index);
  if (entries) return entries;
  const rank = context.optional(index)?.shape?.[0];
  return typeof rank === "number" ? unknownExtents(rank) : undefined;
}

const reshape: ShapeRule = (context) => {
  const { dataType, shape: from } = context.input(0);
  const wanted = intsAttribute(context.node, "shape") ?? shapeFromInput(context, 1);
  if (!wanted) return [{ dataType, shape: undefined }];
  const zeroCopies = intAttribute(context.node, "allowzero", 0) === 0;
  const target = wanted.map((extent, axis) => (extent === 0 && zeroCopies ? (from?.[axis] ?? null) : extent));
  const open = target.indexOf(-1);
  if (open < 0) {
    // One unknown extent follows from the number of elements.
    const unknown = target.flatMap((extent, axis) => (extent === null ? [axis] : []));
    if (unknown.length === 1 && from)
      return [
        {
          dataType,
          shape: target.map(
            (extent, axis) => extent ?? context.algebra.quotientOfProducts(from, target.toSpliced(axis, 1)),
          ),
        },
      ];
    return [{ dataType, shape: target }];
  }
  const rest = target.toSpliced(open, 1);
  return [{ dataType, shape: target.with(open, from ? context.algebra.quotientOfProducts(from, rest) : null) }];
};

const flatten: ShapeRule = (context) => {
  const { dataType, shape } = context.input(0);
  if (!shape) return [{ dataType, shape: [null, null] }];
  const axis = intAttribute(context.node, "axis", 1);
  const at = axis < 0 ? axis + shape.length : axis;
  return [{ dataType, shape: [context.algebra.product(shape.slice(0, at)), context.algebra.product(shape.slice(at))] }];
};

const squeeze: ShapeRule = (context) => {
  const { dataType, shape } = context.input(0);
  const axes = axesOf(context, 1);
  if (!shape || axes === "unknown") return [{ dataType, shape: undefined }];
  if (axes === undefined)
    return [
      {
        dataType,
        shape:
          shape.includes(null) || shape.some((extent) => typeof extent === "string")
            ? undefined
            : shape.filter((extent) => extent !== 1),
      },
    ];
  const gone = new Set(axes.map((axis) => context.axis(axis, shape.length)));
  return [{ dataType, shape: shape.filter((_, axis) => !gone.has(axis)) }];
};

const unsqueeze: ShapeRule = (context) => {
  const { dataType, shape } = context.input(0);
  const axes = axesOf(context, 1);
  if (!shape || axes === "unknown" || axes === undefined) return [{ dataType, shape: undefined }];
  const rank = shape.length + axes.length;
  const added = new Set(axes.map((axis) => context.axis(axis, rank)));
  const rest = shape.values();
  return [
    { dataType, shape: Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : (rest.next().value ?? null))) },
  ];
};

const transpose: ShapeRule = (context) => {
  const { dataType, shape } = context.input(0);
  const order = intsAttribute(context.node, "perm");
  return [{ dataType, shape: order && shape ? order.map((axis) => shape[axis] ?? null) : shape?.toReversed() }];
};

/** The starts, ends, axes and steps of a Slice as positions counted from the front; undefined entries where not known. */
export function sliceRanges(
  context: ShapeContext,
  shape: readonly Dimension[],
): { axis: number; start: Dimension; end: Dimension; step: number }[] | undefined {
  const attribute = (name: string, index: number): readonly Dimension[] | undefined =>
    intsAttribute(context.node, name) ?? context.entries(index);
  const [starts, ends] = [attribute("starts", 1), attribute("ends", 2)];
  const axes =
    intsAttribute(context.node, "axes") ??
    (context.has(3) ? context.numbers(3) : (starts ?? ends)?.map((_, index) => index));
  const steps = context.has(4) ? context.numbers(4) : axes?.map(() => 1);
  if (!axes || !steps) return undefined;
  return axes.map((axis, index) => ({
    axis: context.axis(axis, shape.length),
    start: starts?.[index] ?? null,
    end: ends?.[index] ?? null,
    step: steps[index] ?? 1,
  }));
}

/** A Slice bound brought into the axis, as numpy does; null when that is not known. `upper`: the bound nearer the axis's end. */
function bound(
  { algebra }: ShapeContext,
  value: Dimension,
  extent: Dimension,
  step: number,
  upper: boolean,
): Dimension {
  if (value === null) return null;
  const [least, most] = step > 0 ? [0, extent] : [-1, algebra.subtract(extent, 1)];
  if (typeof extent === "number" && typeof value === "number") {
    const counted = value < 0 ? value + extent : value;
    return Math.min(Math.max(counted, least), most as number);
  }
  if (value === extent) return most;
  if (typeof value === "number") {
    if (value >= 2 ** 31 - 1) return most;
    if (value < -(2 ** 31 - 1)) return least;
    // A small offset from the end of a symbolic extent stays within it only if the extent is large enough: assumed, as exporters do.
    if (value < 0) return algebra.add(extent, value);
    // A fixed upper bound may lie beyond an extent that is not known; only the first element is taken to be there.
    return upper && value > (step > 0 ? 1 : 0) ? algebra.call("min", Math.min, value, most) : value;
  }
  return value;
}

const slice: ShapeRule = (context) => {
  const { dataType, shape } = context.input(0);
  if (!shape) return [{ dataType, shape }];
  const ranges = sliceRanges(context, shape);
  if (!ranges) return [{ dataType, shape: unknownExtents(shape.length) }];
  const { algebra } = context;
  const result: Dimension[] = [...shape];
  for (const { axis, start, end, step } of ranges) {
    const extent = shape[axis] ?? null;
    const [first, last] = [bound(context, start, extent, step, step < 0), bound(context, end, extent, step, step > 0)];
    const length = step > 0 ? algebra.subtract(last, first) : algebra.subtract(first, last);
    const count = algebra.ceilDivide(length, Math.abs(step));
    result[axis] = typeof count === "number" ? Math.max(count, 0) : count;
  }
  return [{ dataType, shape: result }];
};

const concat: ShapeRule = (context) => {
  const shapes = context.node.inputs.map((_, index) => context.optional(index)?.shape);
  const dataType = context.dataType(0);
  const known = shapes.find((shape) => shape !== undefined);
  if (!known) return [{ dataType, shape: undefined }];
  const at = context.axis(intAttribute(context.node, "axis", 1), known.length);
  return [
    {
      dataType,
      shape: known.map((_, axis) => {
        const extents = shapes.map((shape) => shape?.[axis] ?? null);
        return axis === at
          ? extents.reduce((sum, extent) => context.algebra.add(sum, extent))
          : extents.reduce(mergeExtents);
      }),
    },
  ];
};

const split: ShapeRule = (context) => {
  const { dataType, shape } = context.input(0);
  const outputs = context.node.outputs;
  if (!shape) return outputs.map(() => ({ dataType, shape }));
  const axis = context.axis(intAttribute(context.node, "axis", 0), shape.length);
  const parts: readonly Dimension[] | undefined =
    intsAttribute(context.node, "split") ??
    (context.has(1) ? (context.entries(1) ?? outputs.map(() => null)) : undefined);
  const { algebra } = context;
  const extent = shape[axis] ?? null;
  const size = algebra.ceilDivide(extent, intAttribute(context.node, "num_outputs", outputs.length));
  return outputs.map((_, index) => {
    const last = index === outputs.length - 1;
    const part = parts ? (parts[index] ?? null) : last ? algebra.subtract(extent, algebra.multiply(size, index)) : size;
    return { dataType, shape: shape.map((own, at) => (at === axis ? part : own)) };
  });
};

const pad: ShapeRule = (context) => {
  const { dataType, shape } = context.input(0);
  if (!shape) return [{ dataType, shape }];
  const pads: readonly Dimension[] | undefined = intsAttribute(context.node, "pads") ?? context.entries(1);
  const axes = context.has(3) ? context.numbers(3)?.map((axis) => context.axis(axis, shape.length)) : [...shape.keys()];
  if (!pads || !axes) return [{ dataType, shape: unknownExtents(shape.length) }];
  const result: Dimension[] = [...shape];
  axes.forEach((axis, index) => {
    result[axis] = context.algebra.add(
      context.algebra.add(shape[axis] ?? null, pads[index] ?? null),
      pads[axes.length + index] ?? null,
    );
  });
  return [{ dataType, shape: result }];
};

const expand: ShapeRule = (context) => [
  { dataType: context.dataType(0), shape: broadcast([context.shape(0), shapeFromInput(context, 1)]) },
];

const tile: ShapeRule = (context) => {
  const { dataType, shape } = context.input(0);
  const repeats = context.entries(1);
  return [{ dataType, shape: shape?.map((extent, axis) => context.algebra.multiply(extent, repeats?.[axis] ?? null)) }];
};

const centerCropPad: ShapeRule = (context) => {
  const { dataType, shape } = context.input(0);
  if (!shape) return [{ dataType, shape }];
  const axes = intsAttribute(context.node, "axes") ?? [...shape.keys()];
  const target = context.entries(1);
  const result: Dimension[] = [...shape];
  axes.forEach((axis, index) => {
    result[context.axis(axis, shape.length)] = target?.[index] ?? null;
  });
  return [{ dataType, shape: result }];
};

export const movementRules: ShapeRules = {
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  Slice: slice,
  Concat: concat,
  Split: split,
  Pad: pad,
  Expand: expand,
  Tile: tile,
  CenterCropPad: centerCropPad,
};
