import type { RuleContext } from "./gradient-rule";

/**
 * A gradient where its cotangent is not 0, and 0 where it is. Where(x > 0, Sqrt(x), 0) sends nothing back to the points it did
 * not take, and 0 · ∞ or 0 · NaN of a slope there would make NaN of nothing.
 * @param gradient of the shape and type of `dy`
 */
export function whereFlowing(context: RuleContext, dy: string, gradient: string): string {
  const zero = context.scalar(0, dy);
  return context.graph.add("Where", [context.graph.add("Equal", [dy, zero]), zero, gradient]);
}
