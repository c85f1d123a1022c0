import type { GradientRule } from "../gradient-rule";

/** y = a + b, with broadcasting. */
export const addGradient: GradientRule = (context, [dy]) => {
  if (!dy) return [];
  // dA = ΣdY, dB = ΣdY, each over the axes along which it was broadcast
  return [0, 1].map((index) => (context.needs(index) ? context.sumTo(dy, context.input(index)) : undefined));
};
