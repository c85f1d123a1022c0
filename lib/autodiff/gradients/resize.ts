import { intsAttribute, stringAttribute } from "../../onnx/attributes";
import { dataTypeCode } from "../../onnx/data-types";
import type { Tensor } from "../../onnx/model";
import { toNumbers } from "../../onnx/tensor";
import { extentOf, extentsOf } from "../emission/extents";
import { pullBackAlongAxis, sameExtent } from "../emission/linear-along-axis";
import { resizeMatrix, type ResizedAxis } from "../emission/resize-matrix";
import { castTo, nonNegativeAxis, range } from "../emission/values";
import type { GradientRule, RuleContext } from "../gradient-rule";

/** Resize: linear in X and separable, Y = A₁ A₂ … X with one matrix an axis, whatever the mode. */
export const resizeGradient: GradientRule = (context, [dY]) => {
  if (!dY) return [];
  if (isCropped(context) && context.has(1) && context.needs(1))
    context.refuse("it has no gradient with respect to its region of interest");
  const nearest = stringAttribute(context.node, "mode", "nearest") === "nearest";
  if (!nearest && context.has(2) && context.needs(2)) context.refuse("it has no gradient with respect to its scales");
  return [inputGradient(context, dY)];
};

function inputGradient(context: RuleContext, dY: string): string {
  const [x, y] = [context.input(0), context.output(0)];
  if (keepsEveryExtent(context)) return dY;
  const factors = repetitions(context);
  if (factors) return summedBlocks(context, dY, factors);
  const dataType = context.dataType(x);
  const copied = copiesAtRunTime(context);
  let [gradient, extents] = [dY, extentsOf(context, y)];
  for (const resized of resizedAxes(context)) {
    const weights = resizeMatrix(context, resized);
    const decided = copied
      ? context.graph.add("Where", [copied, context.graph.add("EyeLike", [weights]), weights])
      : weights;
    const matrix = castTo(context, decided, "float32", dataType);
    // dX = Aᵀ dY along the axis
    ({ gradient, extents } = pullBackAlongAxis(
      context,
      gradient,
      extents,
      resized.axis,
      matrix,
      extentOf(context, x, resized.axis),
    ));
  }
  return gradient;
}

/** onnxruntime copies the input when no extent changes, unless a region is cut out. */
function keepsEveryExtent(context: RuleContext): boolean {
  const [before, after] = [context.staticShape(context.input(0)), context.staticShape(context.output(0))];
  return before !== undefined && before.join() === after?.join() && !isCropped(context);
}

/** The same, found at run time: a scale between 1 and 2 may leave an extent that is not known yet as it is. */
function copiesAtRunTime(context: RuleContext): string | undefined {
  const [x, y] = [context.input(0), context.output(0)];
  const scales = constantNumbers(context, 2);
  if (isCropped(context) || !context.has(2) || scales?.some((scale) => scale < 1 || scale >= 2)) return undefined;
  if (context.staticShape(x) && context.staticShape(y)) return undefined;
  const { graph } = context;
  const equal = graph.add("Cast", [graph.add("Equal", [context.shapeTensor(x), context.shapeTensor(y)])], {
    to: dataTypeCode("int32"),
  });
  return graph.add("Cast", [graph.add("ReduceMin", [equal], { keepdims: 0 })], { to: dataTypeCode("bool") });
}

function isCropped(context: RuleContext): boolean {
  return stringAttribute(context.node, "coordinate_transformation_mode", "half_pixel") === "tf_crop_and_resize";
}

/** The axes along which the matrix is not known to be the identity. */
function resizedAxes(context: RuleContext): ResizedAxis[] {
  const [x, y] = [context.input(0), context.output(0)];
  const cropped = isCropped(context);
  const kept = stringAttribute(context.node, "keep_aspect_ratio_policy", "stretch") !== "stretch";
  const scales = constantNumbers(context, 2);
  return listedAxes(context)
    .map((axis, position) => ({ axis, position }))
    .filter(({ axis, position }) => {
      if (cropped || (kept && !scales)) return true;
      return scales ? scales[position] !== 1 : context.has(2) || !sameExtent(context, x, y, axis);
    });
}

function listedAxes(context: RuleContext): number[] {
  const rank = context.rank(context.input(0));
  return (intsAttribute(context.node, "axes") ?? range(0, rank)).map((axis) => nonNegativeAxis(axis, rank));
}

/** How often each spatial element is repeated, where nearest-neighbour enlargement by whole numbers only repeats; else undefined. */
function repetitions(context: RuleContext): number[] | undefined {
  const { node } = context;
  const [x, y] = [context.input(0), context.output(0)];
  const rank = context.rank(x);
  if (rank < 3 || stringAttribute(node, "mode", "nearest") !== "nearest") return undefined;
  const coordinates = stringAttribute(node, "coordinate_transformation_mode", "half_pixel");
  const rounding = stringAttribute(node, "nearest_mode", "round_prefer_floor");
  const repeats =
    coordinates === "asymmetric"
      ? rounding === "floor"
      : coordinates.startsWith("half_pixel") && rounding.startsWith("round_prefer");
  if (!repeats || stringAttribute(node, "keep_aspect_ratio_policy", "stretch") !== "stretch") return undefined;
  const scales = constantNumbers(context, 2);
  const factors = range(0, rank).map(() => 1);
  for (const [position, axis] of listedAxes(context).entries()) {
    const [before, after] = [context.shape(x)[axis], context.shape(y)[axis]];
    const ratio = typeof before === "number" && typeof after === "number" ? after / before : undefined;
    const factor = scales ? scales[position] : sameExtent(context, x, y, axis) ? 1 : ratio;
    if (factor === undefined || !Number.isInteger(factor) || (axis < 2 && factor !== 1)) return undefined;
    factors[axis] = factor;
  }
  return factors.slice(2);
}

/** dX = Σ of dY over the repetitions of each element */
function summedBlocks(context: RuleContext, dY: string, factors: readonly number[]): string {
  const { graph } = context;
  const count = factors.reduce((a, b) => a * b, 1);
  if (count === 1) return dY;
  const means = graph.add("AveragePool", [dY], { kernel_shape: factors, strides: factors });
  return graph.add("Mul", [means, context.scalar(count, context.input(0))]);
}

function constantNumbers(context: RuleContext, index: number): number[] | undefined {
  const tensor: Tensor | undefined = context.has(index) ? context.constantValue(context.input(index)) : undefined;
  return tensor && tensor.data.length > 0 ? toNumbers(tensor) : undefined;
}
