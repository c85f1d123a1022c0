import { unaryRule } from "../gradient-rule";
import { cofunction } from "../emission/cofunction";

/** y = arccos x. */
export const acosGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = −dY / √((1 − x)(1 + x))
  return graph.add("Neg", [graph.add("Div", [dy, cofunction(context, context.input(0))])]);
});
