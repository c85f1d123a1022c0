import type { RuleContext } from "../gradient-rule";

/** dY / y^(p − 1), zero where the norm y is zero. */
export function perNormPower(context: RuleContext, dY: string, y: string, p: number): string {
  const { graph } = context;
  if (p === 1) return dY;
  const power = p === 2 ? y : graph.add("Pow", [y, context.scalar(p - 1, y)]);
  const isZero = graph.add("Equal", [y, context.scalar(0, y)]);
  return graph.add("Where", [isZero, context.scalar(0, y), graph.add("Div", [dY, power])]);
}

/** sign(x) |x|^(p − 1), the derivative of |x|^p / p. */
export function signedPower(context: RuleContext, x: string, p: number): string {
  const { graph } = context;
  if (p === 2) return x;
  const sign = graph.add("Sign", [x]);
  return p === 1 ? sign : graph.add("Mul", [sign, graph.add("Pow", [graph.add("Abs", [x]), context.scalar(p - 1, x)])]);
}
