import { unaryRule } from "../gradient-rule";

/** y = x · tanh(softplus x). */
export const mishGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = dY · (t + x · (1 − t²) · σ(x)) with t = tanh(softplus x)
  const x = context.input(0);
  const t = graph.add("Tanh", [graph.add("Softplus", [x])]);
  const slope = graph.add("Mul", [
    graph.add("Sub", [context.scalar(1, x), graph.add("Mul", [t, t])]),
    graph.add("Sigmoid", [x]),
  ]);
  return graph.add("Mul", [dy, graph.add("Add", [t, graph.add("Mul", [x, slope])])]);
});
