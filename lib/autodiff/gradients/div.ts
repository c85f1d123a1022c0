import { toNumbers } from "../../onnx/tensor";
import type { GradientRule, RuleContext } from "../gradient-rule";
import { whereFlowing } from "../where-flowing";

/** y = a / b, with broadcasting. */
export const divGradient: GradientRule = (context, [dy]) => {
  if (!dy) return [];
  const { graph } = context;
  const [a, b] = [context.input(0), context.input(1)];
  const flowing = (gradient: string): string =>
    isNowhereZero(context, b) ? gradient : whereFlowing(context, dy, gradient);
  const ratio = flowing(graph.add("Div", [dy, b]));
  return [
    // dA = Σ(dY / b), of what flows
    context.needs(0) ? context.sumTo(ratio, a) : undefined,
    // dB = −Σ(dY / b · y)
    context.needs(1)
      ? graph.add("Neg", [context.sumTo(flowing(graph.add("Mul", [ratio, context.output(0)])), b)])
      : undefined,
  ];
};

function isNowhereZero(context: RuleContext, value: string): boolean {
  const tensor = context.constantValue(value);
  if (!tensor || tensor.dataType === "float16" || tensor.dataType === "bfloat16") return false;
  return toNumbers(tensor).every((number) => number !== 0);
}
