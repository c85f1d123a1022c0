import { unaryRule } from "../gradient-rule";

/** y = erf x = 2/√π ∫₀ˣ e^(−t²) dt. */
export const erfGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = dY · 2/√π · e^(−x²)
  const x = context.input(0);
  const bell = graph.add("Exp", [graph.add("Neg", [graph.add("Mul", [x, x])])]);
  return graph.add("Mul", [dy, graph.add("Mul", [bell, context.scalar(2 / Math.sqrt(Math.PI), x)])]);
});
