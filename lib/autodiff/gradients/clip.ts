import type { GradientRule } from "../gradient-rule";

/** y = min(max(x, low), high). At a bound itself the gradient goes to the bound, as Relu's derivative at 0 is 0. */
export const clipGradient: GradientRule = (context, [dy]) => {
  if (!dy) return [];
  const { graph } = context;
  const y = context.output(0);
  const low = context.has(1) ? graph.add("LessOrEqual", [y, context.input(1)]) : undefined;
  const high = context.has(2) ? graph.add("GreaterOrEqual", [y, context.input(2)]) : undefined;
  const clipped = low && high ? graph.add("Or", [low, high]) : (low ?? high);
  const onlyLow = low && high ? graph.add("And", [low, graph.add("Not", [high])]) : low;
  return [
    // dX = dY · (low < y < high)
    clipped ? context.keepWhere(graph.add("Not", [clipped]), dy) : dy,
    // dLow = Σ(dY · [y ≤ low < high])
    onlyLow && context.needs(1) ? context.sumTo(context.keepWhere(onlyLow, dy), context.input(1)) : undefined,
    // dHigh = Σ(dY · [y ≥ high])
    high && context.needs(2) ? context.sumTo(context.keepWhere(high, dy), context.input(2)) : undefined,
  ];
};
