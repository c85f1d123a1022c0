import { unaryRule } from "../gradient-rule";
import { floatAttribute } from "../../onnx/attributes";

/** y = x above 0, α (eˣ − 1) elsewhere. */
export const eluGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = dY · (x > 0 ? 1 : α eˣ); the exponential never sees a large x
  const x = context.input(0);
  const zero = context.scalar(0, x);
  const alpha = context.scalar(floatAttribute(context.node, "alpha", 1), x);
  const below = graph.add("Mul", [alpha, graph.add("Exp", [graph.add("Min", [x, zero])])]);
  return graph.add("Mul", [dy, graph.add("Where", [graph.add("Greater", [x, zero]), context.scalar(1, x), below])]);
});
