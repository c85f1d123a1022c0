import { unaryRule } from "../gradient-rule";

/** y = −x. */
export const negGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = −dY
  return graph.add("Neg", [dy]);
});
