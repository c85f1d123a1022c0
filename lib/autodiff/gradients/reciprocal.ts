import { unaryRule } from "../gradient-rule";
import { whereFlowing } from "../where-flowing";

/** y = 1 / x. */
export const reciprocalGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // where dY ≠ 0: dX = −dY · y²
  const y = context.output(0);
  return whereFlowing(context, dy, graph.add("Neg", [graph.add("Mul", [dy, graph.add("Mul", [y, y])])]));
});
