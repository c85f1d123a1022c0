import { unaryRule } from "../gradient-rule";

/** y = arcosh x. */
export const acoshGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = dY / (√(x − 1) · √(x + 1)), which does not overflow where x² would
  const x = context.input(0);
  const one = context.scalar(1, x);
  const roots = [graph.add("Sub", [x, one]), graph.add("Add", [x, one])].map((factor) => graph.add("Sqrt", [factor]));
  return graph.add("Div", [dy, graph.add("Mul", roots)]);
});
