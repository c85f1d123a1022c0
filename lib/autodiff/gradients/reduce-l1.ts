import { keepAxes } from "../emission/reduced-axes";
import { unaryRule } from "../gradient-rule";

/** y = Σ|x| over some axes. */
export const reduceL1Gradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = dY · sign(x)
  return graph.add("Mul", [keepAxes(context, dy), graph.add("Sign", [context.input(0)])]);
});
