import { dataTypeCode, isFloat } from "../../onnx/data-types";
import { toNumbers } from "../../onnx/tensor";
import type { GradientRule, RuleContext } from "../gradient-rule";
import { whereFlowing } from "../where-flowing";

/** y = xᵇ, with broadcasting; the exponent may have another type, even whole numbers. */
export const powGradient: GradientRule = (context, [dy]) => {
  if (!dy) return [];
  const { graph } = context;
  const [x, given] = [context.input(0), context.input(1)];
  const sameType = context.dataType(given) === context.dataType(x);
  const exponent = sameType ? given : graph.add("Cast", [given], { to: dataTypeCode(context.dataType(x)) });
  const exponentGradient = context.needs(1)
    ? context.sumTo(gradientOfExponent(context, dy, x, exponent), given)
    : undefined;
  return [
    context.needs(0) ? context.sumTo(gradientOfBase(context, dy, x, given, exponent), x) : undefined,
    exponentGradient && !sameType && isFloat(context.dataType(given))
      ? graph.add("Cast", [exponentGradient], { to: dataTypeCode(context.dataType(given)) })
      : exponentGradient,
  ];
};

function gradientOfBase(context: RuleContext, dy: string, x: string, given: string, exponent: string): string {
  const { graph } = context;
  const tensor = context.constantValue(given);
  const constant =
    tensor && tensor.data.length === 1 && tensor.dataType !== "float16" && tensor.dataType !== "bfloat16"
      ? toNumbers(tensor)[0]
      : undefined;
  // dX = dY · 2x
  if (constant === 2) return graph.add("Mul", [dy, graph.add("Mul", [context.scalar(2, x), x])]);
  // dX = dY · b · xᵇ⁻¹, and 0 where b = 0 (there x might be 0, too)
  const zero = context.scalar(0, x);
  const power = graph.add("Pow", [x, graph.add("Sub", [exponent, context.scalar(1, x)])]);
  const slope = graph.add("Mul", [exponent, power]);
  const guarded =
    constant !== undefined && constant !== 0
      ? slope
      : graph.add("Where", [graph.add("Equal", [exponent, zero]), zero, slope]);
  const product = graph.add("Mul", [dy, guarded]);
  const isPolynomial = constant !== undefined && Number.isInteger(constant) && constant >= 1;
  return isPolynomial ? product : whereFlowing(context, dy, product);
}

// dB = dY · y · ln x, and 0 where x = 0 and b ≥ 0: there y stays 0, or 1
function gradientOfExponent(context: RuleContext, dy: string, x: string, exponent: string): string {
  const { graph } = context;
  const zero = context.scalar(0, x);
  const still = graph.add("And", [graph.add("Equal", [x, zero]), graph.add("GreaterOrEqual", [exponent, zero])]);
  const slope = graph.add("Mul", [context.output(0), graph.add("Log", [x])]);
  return whereFlowing(context, dy, graph.add("Mul", [dy, graph.add("Where", [still, zero, slope])]));
}
