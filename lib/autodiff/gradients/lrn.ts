import { floatAttribute, intAttribute } from "../../onnx/attributes";
import { range } from "../emission/values";
import { unaryRule, type RuleContext } from "../gradient-rule";

/** LRN: y = x s^(−β) with s = bias + α / size · Σ of x² over the channels nearby. */
export const lrnGradient = unaryRule((context, dY) => {
  const { graph, node } = context;
  const x = context.input(0);
  const size = intAttribute(node, "size") ?? context.refuse("it has no size");
  const alpha = floatAttribute(node, "alpha", 1e-4);
  const beta = floatAttribute(node, "beta", 0.75);
  const before = Math.floor((size - 1) / 2);
  const squares = channelSums(context, graph.add("Mul", [x, x]), before, size - 1 - before);
  const s = graph.add("Add", [
    graph.add("Mul", [squares, context.scalar(alpha / size, x)]),
    context.scalar(floatAttribute(node, "bias", 1), x),
  ]);
  const direct = graph.add("Mul", [dY, graph.add("Pow", [s, context.scalar(-beta, x)])]);
  // dX = dY s^(−β) − 2 α β / size · x Σ of dY x s^(−β−1) over the channels that x was nearby to
  const inner = graph.add("Div", [graph.add("Mul", [direct, x]), s]);
  const gathered = graph.add("Mul", [x, channelSums(context, inner, size - 1 - before, before)]);
  return graph.add("Sub", [direct, graph.add("Mul", [gathered, context.scalar((2 * alpha * beta) / size, x)])]);
});

/** Sums over a channel, `before` channels before it and `after` channels after it. */
function channelSums(context: RuleContext, value: string, before: number, after: number): string {
  const { graph } = context;
  const others = range(0, context.rank(context.input(0)) - 2).map(() => 0);
  if (before + after === 0) return value;
  const padded = graph.add("Pad", [value, graph.int64([0, before, ...others, 0, after, ...others])]);
  const slices = range(0, before + after + 1).map((start) => {
    const end = start === before + after ? 2 ** 31 - 1 : start - before - after;
    return graph.add("Slice", [padded, graph.int64([start]), graph.int64([end]), graph.int64([1])]);
  });
  return graph.add("Sum", slices);
}
