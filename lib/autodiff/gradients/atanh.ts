import { unaryRule } from "../gradient-rule";

/** y = artanh x. */
export const atanhGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = dY / ((1 − x)(1 + x))
  const x = context.input(0);
  const one = context.scalar(1, x);
  return graph.add("Div", [dy, graph.add("Mul", [graph.add("Sub", [one, x]), graph.add("Add", [one, x])])]);
});
