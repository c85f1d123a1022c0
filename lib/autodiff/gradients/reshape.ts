import { unaryRule } from "../gradient-rule";

/** y is x in another shape. */
export const reshapeGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = dY in the shape of x
  return graph.add("Reshape", [dy, context.shapeTensor(context.input(0))]);
});
