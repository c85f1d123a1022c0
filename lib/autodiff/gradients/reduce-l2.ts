import { keepAxes } from "../emission/reduced-axes";
import { unaryRule } from "../gradient-rule";

/** y = √Σx² over some axes, with derivative 0 where all of x is 0. */
export const reduceL2Gradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = dY · x / y, and 0 where y = 0
  const y = keepAxes(context, context.output(0));
  const safe = graph.add("Where", [graph.add("Equal", [y, context.scalar(0, y)]), context.scalar(1, y), y]);
  return graph.add("Mul", [keepAxes(context, dy), graph.add("Div", [context.input(0), safe])]);
});
