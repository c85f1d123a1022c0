import { keepAxes } from "../emission/reduced-axes";
import { unaryRule } from "../gradient-rule";

/** y = ln Σx over some axes. */
export const reduceLogSumGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = dY / Σx, spread over the axes that were summed
  const share = graph.add("Div", [keepAxes(context, dy), graph.add("Exp", [keepAxes(context, context.output(0))])]);
  return graph.add("Expand", [share, context.shapeTensor(context.input(0))]);
});
