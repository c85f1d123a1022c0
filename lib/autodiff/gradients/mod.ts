import type { GradientRule } from "../gradient-rule";

/** y = fmod(a, b) = a − trunc(a / b) · b, the form for floats. */
export const modGradient: GradientRule = (context, [dy]) => {
  if (!dy) return [];
  const { graph } = context;
  const [a, b] = [context.input(0), context.input(1)];
  return [
    // dA = ΣdY
    context.needs(0) ? context.sumTo(dy, a) : undefined,
    // dB = −Σ(dY · trunc(a / b)), where trunc(a / b) = (a − y) / b exactly
    context.needs(1)
      ? graph.add("Neg", [
          context.sumTo(graph.add("Mul", [dy, graph.add("Div", [graph.add("Sub", [a, context.output(0)]), b])]), b),
        ])
      : undefined,
  ];
};
