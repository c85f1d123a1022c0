import { unaryRule } from "../gradient-rule";

/** y = x / (1 + |x|). */
export const softsignGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = dY / (1 + |x|)²
  const x = context.input(0);
  const width = graph.add("Add", [context.scalar(1, x), graph.add("Abs", [x])]);
  return graph.add("Div", [dy, graph.add("Mul", [width, width])]);
});
