import { unaryRule, type RuleContext } from "../gradient-rule";
import { stringAttribute } from "../../onnx/attributes";

/** y = x Φ(x), with Φ the normal distribution or its approximation by tanh. */
export const geluGradient = unaryRule((context, dy) => {
  const { graph } = context;
  const x = context.input(0);
  const tanhForm = stringAttribute(context.node, "approximate", "none") === "tanh";
  return graph.add("Mul", [dy, tanhForm ? slopeOfTanhForm(context, x) : slopeOfErfForm(context, x)]);
});

// y' = Φ(x) + x φ(x) with Φ(x) = (1 + erf(x/√2)) / 2 and φ(x) = e^(−x²/2) / √(2π)
function slopeOfErfForm(context: RuleContext, x: string): string {
  const { graph } = context;
  const half = context.scalar(0.5, x);
  const erf = graph.add("Erf", [graph.add("Mul", [x, context.scalar(Math.SQRT1_2, x)])]);
  const distribution = graph.add("Add", [graph.add("Mul", [erf, half]), half]);
  const bell = graph.add("Exp", [graph.add("Mul", [graph.add("Mul", [x, x]), context.scalar(-0.5, x)])]);
  const density = graph.add("Mul", [bell, context.scalar(1 / Math.sqrt(2 * Math.PI), x)]);
  return graph.add("Add", [distribution, graph.add("Mul", [x, density])]);
}

// y' = (1 + t)/2 + x/2 (1 − t²) c (1 + 3 · 0.044715 x²) with t = tanh(c (x + 0.044715 x³)) and c = √(2/π)
function slopeOfTanhForm(context: RuleContext, x: string): string {
  const { graph } = context;
  const [one, half, scale] = [context.scalar(1, x), context.scalar(0.5, x), context.scalar(Math.sqrt(2 / Math.PI), x)];
  const square = graph.add("Mul", [x, x]);
  const bend = (factor: number): string =>
    graph.add("Add", [graph.add("Mul", [square, context.scalar(factor, x)]), one]);
  const t = graph.add("Tanh", [graph.add("Mul", [graph.add("Mul", [x, scale]), bend(0.044715)])]);
  const slope = graph.add("Mul", [
    graph.add("Sub", [one, graph.add("Mul", [t, t])]),
    graph.add("Mul", [scale, bend(3 * 0.044715)]),
  ]);
  const sum = graph.add("Add", [graph.add("Add", [one, t]), graph.add("Mul", [x, slope])]);
  return graph.add("Mul", [half, sum]);
}
