import { intAttribute } from "../attributes";
import { dataTypeOfCode } from "../data-types";
import type { DataType, Dimension } from "../model";
import { type Inferred, mergeExtents, type ShapeContext, type ShapeRule, type ShapeRules } from "./shape-rule";

/** The first output is like the first input. */
const likeFirst: ShapeRule = (context) => [{ dataType: context.dataType(0), shape: context.shape(0) }];

function likeFirstAs(dataType: DataType): ShapeRule {
  return (context) => [{ dataType, shape: context.shape(0) }];
}

/** Multidirectional (NumPy) broadcasting; undefined when a rank is unknown. */
export function broadcast(shapes: readonly (readonly Dimension[] | undefined)[]): readonly Dimension[] | undefined {
  let result: readonly Dimension[] = [];
  for (const shape of shapes) {
    if (!shape) return undefined;
    const rank = Math.max(result.length, shape.length);
    const [a, b] = [padFront(result, rank), padFront(shape, rank)];
    result = a.map((extent, index) => broadcastExtents(extent, b[index] ?? null));
  }
  return result;
}

function padFront(shape: readonly Dimension[], rank: number): readonly Dimension[] {
  return [...Array.from({ length: rank - shape.length }, () => 1), ...shape];
}

function broadcastExtents(a: Dimension, b: Dimension): Dimension {
  if (a === 1) return b;
  if (b === 1 || a === b) return a;
  // An extent other than 1 decides; between two different symbols, or against the unknown, either may be 1.
  if (typeof a === "number" || typeof b === "number") return mergeExtents(a, b);
  return null;
}

function inputShapes(context: ShapeContext, from = 0): (readonly Dimension[] | undefined)[] {
  return context.node.inputs.slice(from).map((_, index) => context.shape(index + from));
}

const broadcasting: ShapeRule = (context) => [
  { dataType: context.dataType(0), shape: broadcast(inputShapes(context)) },
];
const comparing: ShapeRule = (context) => [{ dataType: "bool", shape: broadcast(inputShapes(context)) }];

const cast: ShapeRule = (context) => {
  const dataType = dataTypeOfCode(intAttribute(context.node, "to", 0));
  return dataType ? [{ dataType, shape: context.shape(0) }] : [];
};

const dropout: ShapeRule = (context) => {
  const { dataType, shape } = context.input(0);
  return [
    { dataType, shape },
    { dataType: context.opset >= 10 ? "bool" : dataType, shape },
  ];
};

const eyeLike: ShapeRule = (context) => {
  const { dataType, shape } = context.input(0);
  return [{ dataType: dataTypeOfCode(intAttribute(context.node, "dtype", 0)) ?? dataType, shape }];
};

const quantize: ShapeRule = (context) => [
  { dataType: context.optional(2)?.dataType ?? "uint8", shape: context.shape(0) },
];

const dynamicQuantize: ShapeRule = (context): Inferred[] => [
  { dataType: "uint8", shape: context.shape(0) },
  { dataType: "float32", shape: [] },
  { dataType: "uint8", shape: [] },
];

const sameAsFirst = [
  "Abs",
  "Acos",
  "Acosh",
  "Asin",
  "Asinh",
  "Atan",
  "Atanh",
  "BitwiseNot",
  "Ceil",
  "Celu",
  "Clip",
  "Cos",
  "Cosh",
  "CumProd",
  "CumSum",
  "Elu",
  "Erf",
  "Exp",
  "Floor",
  "Gelu",
  "GroupNormalization",
  "HardSigmoid",
  "HardSwish",
  "Hardmax",
  "Identity",
  "ImageScaler",
  "InstanceNormalization",
  "LRN",
  "LeakyRelu",
  "Log",
  "LogSoftmax",
  "LpNormalization",
  "MeanVarianceNormalization",
  "Mish",
  "Neg",
  "Not",
  "PRelu",
  "RMSNormalization",
  "Reciprocal",
  "Relu",
  "ReverseSequence",
  "RotaryEmbedding",
  "Round",
  "Scatter",
  "ScatterElements",
  "ScatterND",
  "Selu",
  "Shrink",
  "Sigmoid",
  "Sign",
  "Sin",
  "Sinh",
  "Softmax",
  "Softplus",
  "Softsign",
  "Sqrt",
  "Swish",
  "Tan",
  "Tanh",
  "TensorScatter",
  "ThresholdedRelu",
  "Trilu",
];
const broadcastOperators = [
  "Add",
  "And",
  "BitShift",
  "BitwiseAnd",
  "BitwiseOr",
  "BitwiseXor",
  "Div",
  "Max",
  "Mean",
  "Min",
  "Mod",
  "Mul",
  "Or",
  "Pow",
  "Sub",
  "Sum",
  "Xor",
];
const comparisons = ["Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"];

function table(operators: readonly string[], rule: ShapeRule): Record<string, ShapeRule> {
  return Object.fromEntries(operators.map((operator) => [operator, rule]));
}

export const elementwiseRules: ShapeRules = {
  ...table(sameAsFirst, likeFirst),
  ...table(broadcastOperators, broadcasting),
  ...table(comparisons, comparing),
  ...table(["IsNaN", "IsInf"], likeFirstAs("bool")),
  ...table(["EyeLike", "RandomNormalLike", "RandomUniformLike", "Bernoulli"], eyeLike),
  Cast: cast,
  CastLike: (context) => [{ dataType: context.dataType(1), shape: context.shape(0) }],
  Dropout: dropout,
  Where: (context) => [{ dataType: context.dataType(1), shape: broadcast(inputShapes(context)) }],
  QuantizeLinear: quantize,
  DequantizeLinear: (context) => [{ dataType: context.dataType(1), shape: context.shape(0) }],
  DynamicQuantizeLinear: dynamicQuantize,
};
