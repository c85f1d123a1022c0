import type { GradientRule } from "../gradient-rule";

/** y = x above 0, slope · x elsewhere; the slope is broadcast to x. */
export const pReluGradient: GradientRule = (context, [dy]) => {
  if (!dy) return [];
  const { graph } = context;
  const [x, slope] = [context.input(0), context.input(1)];
  const positive = graph.add("Greater", [x, context.scalar(0, x)]);
  return [
    // dX = dY · (x > 0 ? 1 : slope)
    context.needs(0) ? graph.add("Mul", [dy, graph.add("Where", [positive, context.scalar(1, x), slope])]) : undefined,
    // dSlope = Σ(dY · (x > 0 ? 0 : x))
    context.needs(1)
      ? context.sumTo(graph.add("Mul", [dy, graph.add("Where", [positive, context.scalar(0, x), x])]), slope)
      : undefined,
  ];
};
