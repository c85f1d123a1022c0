import { keepAxes } from "../emission/reduced-axes";
import { unaryRule } from "../gradient-rule";

/** y = Σx over some axes. */
export const reduceSumGradient = unaryRule((context, dy) => {
  // dX = dY, spread over the axes that were summed
  return context.graph.add("Expand", [keepAxes(context, dy), context.shapeTensor(context.input(0))]);
});
