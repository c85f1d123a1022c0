import { keepPositive } from "../emission/mask";
import type { GradientRule, RuleContext } from "../gradient-rule";

/** y = min(max(x, low), high). At a bound itself the gradient goes to the bound, as Relu's derivative at 0 is 0. */
export const clipGradient: GradientRule = (context, [dy]) => {
  if (!dy) return [];
  const between = keepBetween(context, dy);
  if (between) return [between];
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

/**
 * dX = dY · ((y − low) (high − y) > 0), the cheaper form: for float32 and bounds that are known and at least 1 apart, as ReLU6's, so that
 * the product is not 0 where y is but near a bound.
 */
function keepBetween(context: RuleContext, dy: string): string | undefined {
  const y = context.output(0);
  if (context.dataType(y) !== "float32" || !context.has(1) || !context.has(2)) return undefined;
  if (context.needs(1) || context.needs(2)) return undefined;
  const [low, high] = [1, 2].map((input) => context.constantValue(context.input(input))?.data[0]);
  if (typeof low !== "number" || typeof high !== "number" || !(high - low >= 1)) return undefined;
  const { graph } = context;
  const above = low === 0 ? y : graph.add("Sub", [y, context.input(1)]);
  return keepPositive(context, graph.add("Mul", [above, graph.add("Sub", [context.input(2), y])]), dy);
}
