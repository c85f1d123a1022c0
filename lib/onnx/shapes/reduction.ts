import { intAttribute, intsAttribute } from "../attributes";
import type { Dimension } from "../model";
import { type Inferred, type ShapeContext, type ShapeRule, type ShapeRules, unknownExtents } from "./shape-rule";

/** Axes from the attribute (older sets) or the given input; "unknown" when an input's value is not known, undefined when left out. */
export function axesOf(context: ShapeContext, inputIndex: number): readonly number[] | "unknown" | undefined {
  const attribute = intsAttribute(context.node, "axes");
  if (attribute) return attribute;
  return context.has(inputIndex) ? (context.numbers(inputIndex) ?? "unknown") : undefined;
}

const reduce: ShapeRule = (context) => {
  const { dataType, shape } = context.input(0);
  const axes = axesOf(context, 1);
  const keep = intAttribute(context.node, "keepdims", 1) === 1;
  if (!shape) return [{ dataType, shape: !keep && axes === undefined ? [] : undefined }];
  if (axes === "unknown") return [{ dataType, shape: keep ? unknownExtents(shape.length) : undefined }];
  if ((axes === undefined || axes.length === 0) && intAttribute(context.node, "noop_with_empty_axes", 0) === 1)
    return [{ dataType, shape }];
  const reduced = new Set(
    axes && axes.length > 0 ? axes.map((axis) => context.axis(axis, shape.length)) : shape.keys(),
  );
  const result: Dimension[] = keep
    ? shape.map((extent, axis) => (reduced.has(axis) ? 1 : extent))
    : shape.filter((_, axis) => !reduced.has(axis));
  return [{ dataType, shape: result }];
};

const indexOfExtreme: ShapeRule = (context) => {
  const { shape } = context.input(0);
  if (!shape) return [{ dataType: "int64", shape }];
  const axis = context.axis(intAttribute(context.node, "axis", 0), shape.length);
  const keep = intAttribute(context.node, "keepdims", 1) === 1;
  return [
    {
      dataType: "int64",
      shape: keep
        ? shape.map((extent, index) => (index === axis ? 1 : extent))
        : shape.filter((_, index) => index !== axis),
    },
  ];
};

const topK: ShapeRule = (context): Inferred[] => {
  const { dataType, shape } = context.input(0);
  const count = intAttribute(context.node, "k") ?? context.entries(1)?.[0] ?? null;
  const axis = shape && context.axis(intAttribute(context.node, "axis", -1), shape.length);
  const kept = shape?.map((extent, index) => (index === axis ? count : extent));
  return [
    { dataType, shape: kept },
    { dataType: "int64", shape: kept },
  ];
};

/** Y, then running statistics (training) or, before opset 14, the saved ones too; all of one extent a channel. */
const batchNormalization: ShapeRule = (context): Inferred[] => {
  const { dataType, shape } = context.input(0);
  const channels = [context.shape(3)?.[0] ?? shape?.[1] ?? null];
  const statistics = { dataType: context.optional(3)?.dataType ?? dataType, shape: channels };
  return [{ dataType, shape }, statistics, statistics, statistics, statistics];
};

const layerNormalization: ShapeRule = (context): Inferred[] => {
  const { dataType, shape } = context.input(0);
  const axis = shape && context.axis(intAttribute(context.node, "axis", -1), shape.length);
  const statistics = shape?.map((extent, index) => (index < (axis ?? 0) ? extent : 1));
  return [
    { dataType, shape },
    { dataType: "float32", shape: statistics },
    { dataType: "float32", shape: statistics },
  ];
};

const reductions = [
  "ReduceL1",
  "ReduceL2",
  "ReduceLogSum",
  "ReduceLogSumExp",
  "ReduceMax",
  "ReduceMean",
  "ReduceMin",
  "ReduceProd",
  "ReduceSum",
  "ReduceSumSquare",
];

export const reductionRules: ShapeRules = {
  ...Object.fromEntries(reductions.map((operator) => [operator, reduce])),
  ArgMax: indexOfExtreme,
  ArgMin: indexOfExtreme,
  TopK: topK,
  BatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
};
