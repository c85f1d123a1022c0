import { unaryRule } from "../gradient-rule";
import { floatAttribute } from "../../onnx/attributes";

/** y = x above α, 0 elsewhere. */
export const thresholdedReluGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = dY · (x > α)
  const x = context.input(0);
  const alpha = context.scalar(floatAttribute(context.node, "alpha", 1), x);
  return context.keepWhere(graph.add("Greater", [x, alpha]), dy);
});
