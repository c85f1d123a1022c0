import { unaryRule } from "../gradient-rule";

/** y = √x. */
export const sqrtGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = dY / (2 y)
  const y = context.output(0);
  return graph.add("Div", [dy, graph.add("Mul", [context.scalar(2, y), y])]);
});
