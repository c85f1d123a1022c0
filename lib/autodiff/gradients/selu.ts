import { unaryRule } from "../gradient-rule";
import { floatAttribute } from "../../onnx/attributes";

/** y = γ x above 0, γ α (eˣ − 1) elsewhere. */
export const seluGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = dY · (x > 0 ? γ : γ α eˣ); the exponential never sees a large x
  const x = context.input(0);
  const zero = context.scalar(0, x);
  const alpha = floatAttribute(context.node, "alpha", 1.6732632423543772);
  const gamma = floatAttribute(context.node, "gamma", 1.0507009873554805);
  const below = graph.add("Mul", [context.scalar(gamma * alpha, x), graph.add("Exp", [graph.add("Min", [x, zero])])]);
  return graph.add("Mul", [dy, graph.add("Where", [graph.add("Greater", [x, zero]), context.scalar(gamma, x), below])]);
});
