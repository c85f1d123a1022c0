import type { GradientRule } from "../gradient-rule";

/** y = the mean of all inputs, with broadcasting. */
export const meanGradient: GradientRule = (context, [dy]) => {
  if (!dy) return [];
  const { inputs } = context.node;
  // dXᵢ = Σ(dY / n) over the axes along which Xᵢ was broadcast
  const share = context.graph.add("Div", [dy, context.scalar(inputs.length, dy)]);
  return inputs.map((input, index) => (context.needs(index) ? context.sumTo(share, input) : undefined));
};
