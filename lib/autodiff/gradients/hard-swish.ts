import { unaryRule } from "../gradient-rule";

/** y = x · h(x) with h(x) = clip(x/6 + 1/2, 0, 1). */
export const hardSwishGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = dY · (x ≤ −3 ? 0 : x < 3 ? x/3 + 1/2 : 1)
  const x = context.input(0);
  const ramp = graph.add("Add", [graph.add("Div", [x, context.scalar(3, x)]), context.scalar(0.5, x)]);
  const right = graph.add("Where", [graph.add("Less", [x, context.scalar(3, x)]), ramp, context.scalar(1, x)]);
  return graph.add("Mul", [dy, context.keepWhere(graph.add("Greater", [x, context.scalar(-3, x)]), right)]);
});
