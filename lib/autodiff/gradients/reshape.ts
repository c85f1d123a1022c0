import { unaryRule } from "../gradient-rule";

/** y is x in another shape. */
export const reshapeGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = dY in the shape of x
  const x = context.input(0);
  const empty = context.staticShape(x)?.includes(0);
  return graph.add("Reshape", [dy, context.shapeTensor(x)], empty ? { allowzero: 1 } : {});
});
