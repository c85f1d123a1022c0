import { unaryRule } from "../gradient-rule";

/** y = sin x. */
export const sinGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = dY · cos x
  return graph.add("Mul", [dy, graph.add("Cos", [context.input(0)])]);
});
