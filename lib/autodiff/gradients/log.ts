import { unaryRule } from "../gradient-rule";

/** y = ln x. */
export const logGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = dY / x
  return graph.add("Div", [dy, context.input(0)]);
});
