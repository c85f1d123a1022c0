import { keepAxes } from "../emission/reduced-axes";
import { unaryRule } from "../gradient-rule";

/** y = Σx² over some axes. */
export const reduceSumSquareGradient = unaryRule((context, dy) => {
  const { graph } = context;
  const x = context.input(0);
  // dX = dY · 2x
  return graph.add("Mul", [keepAxes(context, dy), graph.add("Mul", [context.scalar(2, x), x])]);
});
