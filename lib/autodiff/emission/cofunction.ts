import type { RuleContext } from "../gradient-rule";

/** √(1 − x²) as √((1 − x)(1 + x)), which keeps its digits near ±1. */
export function cofunction(context: RuleContext, x: string): string {
  const { graph } = context;
  const one = context.scalar(1, x);
  return graph.add("Sqrt", [graph.add("Mul", [graph.add("Sub", [one, x]), graph.add("Add", [one, x])])]);
}
