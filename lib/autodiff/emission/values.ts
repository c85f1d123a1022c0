import { dataTypeCode } from "../../onnx/data-types";
import type { DataType } from "../../onnx/model";
import { filledTensor } from "../../onnx/scalar";
import type { RuleContext } from "../gradient-rule";

/** A constant of the data type of `like`. */
export function realConstant(
  context: RuleContext,
  numbers: readonly number[],
  dims: readonly number[],
  like: string,
): string {
  const dataType = context.dataType(like);
  if (dataType === "float64") return context.graph.constant({ dataType, dims, data: Float64Array.from(numbers) });
  return castTo(context, context.graph.float32(Float32Array.from(numbers), dims), "float32", dataType);
}

/** `value` in another data type; no node when it has it already. */
export function castTo(context: RuleContext, value: string, from: DataType | undefined, to: DataType): string {
  return from === to ? value : context.graph.add("Cast", [value], { to: dataTypeCode(to) });
}

/** `number` everywhere in a tensor of the given shape (an int64 vector in the graph) and of the data type of `like`. */
export function filled(context: RuleContext, number: 0 | 1, shape: string, like: string): string {
  return context.graph.add("ConstantOfShape", [shape], {
    value: filledTensor(number, numericType(context, like), [1]),
  });
}

/** The sum of those that are there; undefined for none. */
export function sumOf(context: RuleContext, values: readonly (string | undefined)[]): string | undefined {
  const present = values.filter((value) => value !== undefined);
  return present.length > 1 ? context.graph.add("Sum", present) : present[0];
}

export function reduceSum(
  context: RuleContext,
  value: string,
  axes: readonly number[],
  keepDimensions: boolean,
): string {
  if (axes.length === 0) return value;
  return context.graph.add("ReduceSum", [value, context.graph.int64(axes)], { keepdims: keepDimensions ? 1 : 0 });
}

export function reduceMean(context: RuleContext, value: string, axes: readonly number[]): string {
  if (axes.length === 0) return value;
  return context.graph.add("ReduceMean", [value, context.graph.int64(axes)], { keepdims: 1 });
}

/** The whole numbers from `start` up to, not including, `end`. */
export function range(start: number, end: number): number[] {
  return Array.from({ length: Math.max(0, end - start) }, (_, index) => start + index);
}

export function nonNegativeAxis(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

function numericType(context: RuleContext, value: string): Exclude<DataType, "string"> {
  const dataType = context.dataType(value);
  return dataType === "string" ? context.refuse(`"${value}" holds strings`) : dataType;
}
