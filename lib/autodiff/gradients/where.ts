import type { GradientRule } from "../gradient-rule";

/** y = a where the condition holds, b elsewhere, with broadcasting. */
export const whereGradient: GradientRule = (context, [dy]) => {
  if (!dy) return [];
  const { graph } = context;
  const [condition, a, b] = [context.input(0), context.input(1), context.input(2)];
  return [
    undefined,
    // dA = Σ(condition ? dY : 0)
    context.needs(1) ? context.sumTo(context.keepWhere(condition, dy), a) : undefined,
    // dB = Σ(condition ? 0 : dY)
    context.needs(2) ? context.sumTo(graph.add("Where", [condition, context.scalar(0, dy), dy]), b) : undefined,
  ];
};
