import { intAttribute } from "../../onnx/attributes";
import { realConstant } from "../emission/values";
import type { GradientRule } from "../gradient-rule";

/** OneHot: y is the second value where the index points, the first elsewhere. */
export const oneHotGradient: GradientRule = (context, [dY]) => {
  if (!dY || !context.needs(2)) return [];
  const { graph } = context;
  const mask = realConstant(context, [0, 1], [2], context.input(2));
  const hot = graph.add("OneHot", [context.input(0), context.input(1), mask], {
    axis: intAttribute(context.node, "axis", -1),
  });
  // d values = [Σ dY (1 − hot), Σ dY hot]
  const on = graph.add("ReduceSum", [graph.add("Mul", [dY, hot])], { keepdims: 0 });
  const off = graph.add("Sub", [graph.add("ReduceSum", [dY], { keepdims: 0 }), on]);
  const pair = [off, on].map((value) => graph.add("Unsqueeze", [value, graph.int64([0])]));
  return [undefined, undefined, graph.add("Concat", pair, { axis: 0 })];
};
