import { unaryRule } from "../gradient-rule";

/** y = |x|, with derivative 0 at 0. */
export const absGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = dY · sign(x)
  return graph.add("Mul", [dy, graph.add("Sign", [context.input(0)])]);
});
