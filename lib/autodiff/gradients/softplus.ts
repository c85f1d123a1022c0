import { unaryRule } from "../gradient-rule";

/** y = ln(1 + eˣ). */
export const softplusGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = dY · σ(x)
  return graph.add("Mul", [dy, graph.add("Sigmoid", [context.input(0)])]);
});
