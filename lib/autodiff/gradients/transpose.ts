import { unaryRule } from "../gradient-rule";
import { intsAttribute } from "../../onnx/attributes";

/** y is x with its axes permuted; by default reversed. */
export const transposeGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = transpose(dY) by the inverse permutation
  const permutation = intsAttribute(context.node, "perm");
  if (!permutation) return graph.add("Transpose", [dy]);
  return graph.add("Transpose", [dy], { perm: permutation.map((_, axis) => permutation.indexOf(axis)) });
});
