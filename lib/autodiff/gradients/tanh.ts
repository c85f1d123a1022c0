import { unaryRule } from "../gradient-rule";

/** y = tanh x. */
export const tanhGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = dY · (1 − y²)
  const y = context.output(0);
  return graph.add("Mul", [dy, graph.add("Sub", [context.scalar(1, y), graph.add("Mul", [y, y])])]);
});
