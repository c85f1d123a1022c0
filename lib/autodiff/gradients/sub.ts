import type { GradientRule } from "../gradient-rule";

/** y = a − b, with broadcasting. */
export const subGradient: GradientRule = (context, [dy]) => {
  if (!dy) return [];
  return [
    // dA = ΣdY
    context.needs(0) ? context.sumTo(dy, context.input(0)) : undefined,
    // dB = −ΣdY
    context.needs(1) ? context.graph.add("Neg", [context.sumTo(dy, context.input(1))]) : undefined,
  ];
};
