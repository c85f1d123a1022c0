import { intAttribute, intsAttribute, tensorAttribute } from "../attributes";
import { dataTypeOfCode } from "../data-types";
import type { DataType, Dimension, Node, Tensor } from "../model";
import { float32Tensor, int64Tensor } from "../tensor";
import { shapeFromInput } from "./movement";
import { type Inferred, type ShapeContext, type ShapeRule, type ShapeRules } from "./shape-rule";

const gather: ShapeRule = (context) => {
  const { dataType, shape } = context.input(0);
  const indices = context.shape(1);
  if (!shape || !indices) return [{ dataType, shape: undefined }];
  const axis = context.axis(intAttribute(context.node, "axis", 0), shape.length);
  return [{ dataType, shape: [...shape.slice(0, axis), ...indices, ...shape.slice(axis + 1)] }];
};

const gatherND: ShapeRule = (context) => {
  const { dataType, shape } = context.input(0);
  const indices = context.shape(1);
  const depth = indices?.at(-1);
  if (!shape || !indices || typeof depth !== "number") return [{ dataType, shape: undefined }];
  return [
    { dataType, shape: [...indices.slice(0, -1), ...shape.slice(intAttribute(context.node, "batch_dims", 0) + depth)] },
  ];
};

const oneHot: ShapeRule = (context) => {
  const indices = context.shape(0);
  if (!indices) return [{ dataType: context.dataType(2), shape: undefined }];
  const axis = context.axis(intAttribute(context.node, "axis", -1), indices.length + 1);
  return [{ dataType: context.dataType(2), shape: indices.toSpliced(axis, 0, context.entries(1)?.[0] ?? null) }];
};

/** Which elements come out depends on the data: only the rank is known. */
const nonZero: ShapeRule = (context) => [{ dataType: "int64", shape: [context.shape(0)?.length ?? null, null] }];

function replaceExtent(
  context: ShapeContext,
  shape: readonly Dimension[] | undefined,
  axis: number,
  extent: Dimension,
): readonly Dimension[] | undefined {
  const at = shape && context.axis(axis, shape.length);
  return shape?.map((own, index) => (index === at ? extent : own));
}

const compress: ShapeRule = (context) => {
  const { dataType, shape } = context.input(0);
  const axis = intAttribute(context.node, "axis");
  const kept = context.numbers(1)?.filter((entry) => entry !== 0).length ?? null;
  return [{ dataType, shape: axis === undefined ? [kept] : replaceExtent(context, shape, axis, kept) }];
};

const unique: ShapeRule = (context): Inferred[] => {
  const { dataType, shape } = context.input(0);
  const axis = intAttribute(context.node, "axis");
  const counted = { dataType: "int64" as DataType, shape: [null] };
  const inverse =
    axis === undefined ? shape && context.algebra.product(shape) : shape?.[context.axis(axis, shape.length)];
  return [
    { dataType, shape: axis === undefined ? [null] : replaceExtent(context, shape, axis, null) },
    counted,
    { ...counted, shape: [inverse ?? null] },
    counted,
  ];
};

/** The tensor a Constant node holds, whichever of its attributes gives it. */
export function constantOf(node: Node): Tensor | undefined {
  const value = tensorAttribute(node, "value");
  if (value) return value;
  const [[name, attribute] = ["", undefined]] = Object.entries(node.attributes).filter(([key]) =>
    key.startsWith("value_"),
  );
  if (!attribute || name === "") return undefined;
  switch (attribute.kind) {
    case "int":
    case "ints":
      return int64Tensor(attribute.value as number);
    case "float":
    case "floats":
      return float32Tensor(attribute.value as number);
    case "string":
      return { dataType: "string", dims: [], data: [attribute.value] };
    case "strings":
      return { dataType: "string", dims: [attribute.value.length], data: [...attribute.value] };
    default:
      return undefined;
  }
}

const constantOfShape: ShapeRule = (context) => [
  { dataType: tensorAttribute(context.node, "value")?.dataType ?? "float32", shape: shapeFromInput(context, 0) },
];

const range: ShapeRule = (context) => {
  const [start, limit, step] = [0, 1, 2].map((index) => context.entries(index)?.[0] ?? null) as [
    Dimension,
    Dimension,
    Dimension,
  ];
  const { algebra } = context;
  const count =
    step === null || step === 0
      ? null
      : typeof step === "number" && step < 0
        ? algebra.ceilDivide(algebra.subtract(start, limit), -step)
        : algebra.ceilDivide(algebra.subtract(limit, start), step);
  return [{ dataType: context.dataType(0), shape: [typeof count === "number" ? Math.max(0, count) : count] }];
};

const random: ShapeRule = ({ node }) => [
  { dataType: dataTypeOfCode(intAttribute(node, "dtype", 1)) ?? "float32", shape: intsAttribute(node, "shape") },
];

const multinomial: ShapeRule = (context) => [
  {
    dataType: dataTypeOfCode(intAttribute(context.node, "dtype", 6)) ?? "int32",
    shape: [context.shape(0)?.[0] ?? null, intAttribute(context.node, "sample_size", 1)],
  },
];

const shapeOf: ShapeRule = (context) => {
  const sliced = shapeEntries(context);
  return [{ dataType: "int64", shape: [sliced?.length ?? null], entries: sliced }];
};

function shapeEntries(context: ShapeContext): readonly Dimension[] | undefined {
  return context.shape(0)?.slice(intAttribute(context.node, "start", 0), intAttribute(context.node, "end"));
}

const size: ShapeRule = (context) => {
  const shape = context.shape(0);
  return [{ dataType: "int64", shape: [], entries: shape && [context.algebra.product(shape)] }];
};

/** Both branches' outputs where they agree; the branch taken where the condition is known. */
const conditional: ShapeRule = (context) => {
  const branch = (name: string): (Inferred | undefined)[] => {
    const attribute = context.node.attributes[name];
    return attribute?.kind === "graph" ? context.inferSubgraph(attribute.value) : [];
  };
  const condition = context.entries(0)?.[0];
  if (typeof condition === "number") return branch(condition === 0 ? "else_branch" : "then_branch");
  const otherwise = branch("else_branch");
  return branch("then_branch").map((value, index) => {
    const other = otherwise[index];
    if (!value || !other) return undefined;
    const sameRank = value.shape?.length === other.shape?.length;
    return {
      dataType: value.dataType,
      shape: sameRank
        ? value.shape?.map((extent, axis) => (extent === other.shape?.[axis] ? extent : null))
        : undefined,
    };
  });
};

export const indexingRules: ShapeRules = {
  Gather: gather,
  GatherND: gatherND,
  OneHot: oneHot,
  NonZero: nonZero,
  Compress: compress,
  Unique: unique,
  GatherElements: (context) => [{ dataType: context.dataType(0), shape: context.shape(1) }],
  NonMaxSuppression: () => [{ dataType: "int64", shape: [null, 3] }],
  ConstantOfShape: constantOfShape,
  Range: range,
  RandomNormal: random,
  RandomUniform: random,
  Multinomial: multinomial,
  Shape: shapeOf,
  Size: size,
  If: conditional,
};
