import type { GradientRule } from "../gradient-rule";

/** y = a · b, with broadcasting. */
export const mulGradient: GradientRule = (context, [dy]) => {
  if (!dy) return [];
  const [a, b] = [context.input(0), context.input(1)];
  return [
    // dA = Σ(dY · b)
    context.needs(0) ? context.sumTo(context.graph.add("Mul", [dy, b]), a) : undefined,
    // dB = Σ(dY · a)
    context.needs(1) ? context.sumTo(context.graph.add("Mul", [dy, a]), b) : undefined,
  ];
};
