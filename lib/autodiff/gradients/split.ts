import { intAttribute } from "../../onnx/attributes";
import type { GradientRule } from "../gradient-rule";

/** The outputs are consecutive parts of x along an axis. */
export const splitGradient: GradientRule = (context, outputGradients) => {
  const parts = context.node.outputs.map(
    (_, index) => outputGradients[index] ?? context.zerosLike(context.ensureOutput(index)),
  );
  // dX = concat(dY₀, dY₁, …), zeros for a part that nobody reads
  return [context.graph.add("Concat", parts, { axis: intAttribute(context.node, "axis", 0) })];
};
