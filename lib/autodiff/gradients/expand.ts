import { unaryRule } from "../gradient-rule";

/** y is x broadcast to a shape. */
export const expandGradient = unaryRule((context, dy) => {
  // dX = Σ of dY over the axes that were broadcast
  return context.sumTo(dy, context.input(0));
});
