import { unaryRule } from "../gradient-rule";

/** y = arctan x. */
export const atanGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = dY / (x² + 1)
  const x = context.input(0);
  const square = graph.add("Mul", [x, x]);
  return graph.add("Div", [dy, graph.add("Add", [square, context.scalar(1, x)])]);
});
