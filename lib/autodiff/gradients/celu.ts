import { unaryRule } from "../gradient-rule";
import { floatAttribute } from "../../onnx/attributes";

/** y = max(0, x) + min(0, α (e^(x/α) − 1)). */
export const celuGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = dY · e^(min(x, 0) / α)
  const x = context.input(0);
  const alpha = floatAttribute(context.node, "alpha", 1);
  const below = graph.add("Min", [x, context.scalar(0, x)]);
  return graph.add("Mul", [dy, graph.add("Exp", [graph.add("Div", [below, context.scalar(alpha, x)])])]);
});
