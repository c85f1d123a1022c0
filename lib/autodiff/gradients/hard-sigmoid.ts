import { unaryRule } from "../gradient-rule";
import { floatAttribute } from "../../onnx/attributes";

/** y = clip(α x + β, 0, 1), with derivative 0 at the two corners. */
export const hardSigmoidGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = dY · α · (0 < y < 1)
  const y = context.output(0);
  const alpha = context.scalar(floatAttribute(context.node, "alpha", 0.2), y);
  const inside = graph.add("And", [
    graph.add("Greater", [y, context.scalar(0, y)]),
    graph.add("Less", [y, context.scalar(1, y)]),
  ]);
  return context.keepWhere(inside, graph.add("Mul", [dy, alpha]));
});
