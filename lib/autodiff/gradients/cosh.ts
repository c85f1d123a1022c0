import { unaryRule } from "../gradient-rule";

/** y = cosh x. */
export const coshGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = dY · sinh x
  return graph.add("Mul", [dy, graph.add("Sinh", [context.input(0)])]);
});
