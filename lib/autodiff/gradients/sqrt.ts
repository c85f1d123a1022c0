import { unaryRule } from "../gradient-rule";
import { whereFlowing } from "../where-flowing";

/** y = √x. */
export const sqrtGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // where dY ≠ 0: dX = dY / (2 y)
  const y = context.output(0);
  return whereFlowing(context, dy, graph.add("Div", [dy, graph.add("Mul", [context.scalar(2, y), y])]));
});
