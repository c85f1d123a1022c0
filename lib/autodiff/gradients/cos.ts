import { unaryRule } from "../gradient-rule";

/** y = cos x. */
export const cosGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = −dY · sin x
  return graph.add("Neg", [graph.add("Mul", [dy, graph.add("Sin", [context.input(0)])])]);
});
