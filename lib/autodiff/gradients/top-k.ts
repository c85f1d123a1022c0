import { intAttribute } from "../../onnx/attributes";
import { unaryRule } from "../gradient-rule";

/** TopK: the values chosen take the gradient. */
export const topKGradient = unaryRule((context, dY) => {
  const x = context.input(0);
  // dX = dY at the chosen places, zero elsewhere
  return context.graph.add("ScatterElements", [context.zerosLike(x), context.ensureOutput(1), dY], {
    axis: intAttribute(context.node, "axis", -1),
  });
});
