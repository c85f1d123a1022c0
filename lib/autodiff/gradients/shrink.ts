import { unaryRule } from "../gradient-rule";
import { floatAttribute } from "../../onnx/attributes";

/** y = x + bias below −λ, x − bias above λ, 0 between. */
export const shrinkGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = dY · (x < −λ or x > λ)
  const x = context.input(0);
  const lambda = floatAttribute(context.node, "lambd", 0.5);
  const below = graph.add("Less", [x, context.scalar(-lambda, x)]);
  const above = graph.add("Greater", [x, context.scalar(lambda, x)]);
  return context.keepWhere(graph.add("Or", [below, above]), dy);
});
