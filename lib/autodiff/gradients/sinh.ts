import { unaryRule } from "../gradient-rule";

/** y = sinh x. */
export const sinhGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = dY · cosh x
  return graph.add("Mul", [dy, graph.add("Cosh", [context.input(0)])]);
});
