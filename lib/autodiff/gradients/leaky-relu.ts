import { unaryRule } from "../gradient-rule";
import { floatAttribute } from "../../onnx/attributes";

/** y = x above 0, α x elsewhere. */
export const leakyReluGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = dY · (x > 0 ? 1 : α)
  const x = context.input(0);
  const alpha = context.scalar(floatAttribute(context.node, "alpha", 0.01), x);
  const slope = graph.add("Where", [graph.add("Greater", [x, context.scalar(0, x)]), context.scalar(1, x), alpha]);
  return graph.add("Mul", [dy, slope]);
});
