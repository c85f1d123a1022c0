import { keepAxes } from "../emission/reduced-axes";
import { unaryRule } from "../gradient-rule";

/** y = ln Σeˣ over some axes. */
export const reduceLogSumExpGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = dY · e^(x − y), which is at most 1
  const weights = graph.add("Exp", [graph.add("Sub", [context.input(0), keepAxes(context, context.output(0))])]);
  return graph.add("Mul", [keepAxes(context, dy), weights]);
});
