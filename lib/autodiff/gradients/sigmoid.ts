import { unaryRule } from "../gradient-rule";

/** y = σ(x) = 1 / (1 + e⁻ˣ). */
export const sigmoidGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = dY · y (1 − y)
  const y = context.output(0);
  return graph.add("Mul", [dy, graph.add("Mul", [y, graph.add("Sub", [context.scalar(1, y), y])])]);
});
