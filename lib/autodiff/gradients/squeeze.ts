import { unaryRule } from "../gradient-rule";

/** y is x without some axes of extent 1 (without axes: all of them). */
export const squeezeGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = unsqueeze(dY)
  return context.has(1)
    ? graph.add("Unsqueeze", [dy, context.input(1)])
    : graph.add("Reshape", [dy, context.shapeTensor(context.input(0))]);
});
