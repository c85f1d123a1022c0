import type { GradientRule } from "../gradient-rule";

/** y = the sum of all inputs, with broadcasting. */
export const sumGradient: GradientRule = (context, [dy]) => {
  if (!dy) return [];
  // dXᵢ = ΣdY over the axes along which Xᵢ was broadcast
  return context.node.inputs.map((input, index) => (context.needs(index) ? context.sumTo(dy, input) : undefined));
};
