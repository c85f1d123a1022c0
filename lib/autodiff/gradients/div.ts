import type { GradientRule } from "../gradient-rule";

/** y = a / b, with broadcasting. */
export const divGradient: GradientRule = (context, [dy]) => {
  if (!dy) return [];
  const { graph } = context;
  const [a, b] = [context.input(0), context.input(1)];
  const ratio = graph.add("Div", [dy, b]);
  return [
    // dA = Σ(dY / b)
    context.needs(0) ? context.sumTo(ratio, a) : undefined,
    // dB = −Σ(dY / b · y)
    context.needs(1) ? graph.add("Neg", [context.sumTo(graph.add("Mul", [ratio, context.output(0)]), b)]) : undefined,
  ];
};
