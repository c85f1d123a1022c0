import { unaryRule } from "../gradient-rule";

/** y = eˣ. */
export const expGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = dY · y
  return graph.add("Mul", [dy, context.output(0)]);
});
