import { keepAxes, reducedCount } from "../emission/reduced-axes";
import { unaryRule } from "../gradient-rule";

/** y = the mean of x over some axes. */
export const reduceMeanGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = dY / n, spread over the n elements of each mean
  const share = graph.add("Div", [keepAxes(context, dy), reducedCount(context, dy)]);
  return graph.add("Expand", [share, context.shapeTensor(context.input(0))]);
});
