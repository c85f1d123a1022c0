import { dataTypeCode } from "../../onnx/data-types";
import type { DataType } from "../../onnx/model";
import type { RuleContext } from "../gradient-rule";
import { product, reshape, shapeVector, type Extent } from "./extents";

/** The identity matrix [extent, extent]; folds to a constant when onnxruntime loads the model. */
export function identityMatrix(context: RuleContext, extent: Extent, dataType: DataType): string {
  const square = context.graph.add("ConstantOfShape", [shapeVector(context, [extent, extent])]);
  return context.graph.add("EyeLike", [square], { dtype: dataTypeCode(dataType) });
}

/**
 * Pulls a gradient back through y = A x along one axis: dX = Aᵀ dY there.
 * `matrix` is A, [extent of y, extent of x]; `extents` is the shape of `gradient`. Returns the gradient and its new shape.
 */
export function pullBackAlongAxis(
  context: RuleContext,
  gradient: string,
  extents: readonly Extent[],
  axis: number,
  matrix: string,
  inputExtent: Extent,
): { gradient: string; extents: Extent[] } {
  const { graph } = context;
  const result = extents.map((extent, index) => (index === axis ? inputExtent : extent));
  const outputExtent = extents[axis] ?? 1;
  if (axis === extents.length - 1) {
    return { gradient: graph.add("MatMul", [gradient, matrix]), extents: result };
  }
  const transposed = graph.add("Transpose", [matrix], { perm: [1, 0] });
  if (axis === extents.length - 2) return { gradient: graph.add("MatMul", [transposed, gradient]), extents: result };
  const before = product(context, extents.slice(0, axis));
  const after = product(context, extents.slice(axis + 1));
  const flat = graph.add("MatMul", [transposed, reshape(context, gradient, [before, outputExtent, after])]);
  return { gradient: reshape(context, flat, result), extents: result };
}

/** Whether two values are known to have the same extent along an axis. */
export function sameExtent(context: RuleContext, a: string, b: string, axis: number): boolean {
  const [first, second] = [context.shape(a)[axis], context.shape(b)[axis]];
  return first !== null && first !== undefined && first === second;
}
