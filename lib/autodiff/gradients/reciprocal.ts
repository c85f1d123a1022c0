import { unaryRule } from "../gradient-rule";

/** y = 1 / x. */
export const reciprocalGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = −dY · y²
  const y = context.output(0);
  return graph.add("Neg", [graph.add("Mul", [dy, graph.add("Mul", [y, y])])]);
});
