import { unaryRule } from "../gradient-rule";

/** y = tan x. */
export const tanGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = dY · (1 + y²)
  const y = context.output(0);
  return graph.add("Mul", [dy, graph.add("Add", [graph.add("Mul", [y, y]), context.scalar(1, y)])]);
});
