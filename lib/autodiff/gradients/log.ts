import { unaryRule } from "../gradient-rule";
import { whereFlowing } from "../where-flowing";

/** y = ln x. */
export const logGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // where dY ≠ 0: dX = dY / x
  return whereFlowing(context, dy, graph.add("Div", [dy, context.input(0)]));
});
