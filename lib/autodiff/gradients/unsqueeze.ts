import { unaryRule } from "../gradient-rule";

/** y is x with axes of extent 1 put in. */
export const unsqueezeGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = squeeze(dY)
  return graph.add("Squeeze", [dy, context.input(1)]);
});
