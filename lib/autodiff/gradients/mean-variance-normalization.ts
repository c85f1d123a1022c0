import { intsAttribute } from "../../onnx/attributes";
import { nonNegativeAxis, reduceMean } from "../emission/values";
import { unaryRule } from "../gradient-rule";

/** MeanVarianceNormalization: y = (x − μ) / (σ + 1e-9). */
export const meanVarianceNormalizationGradient = unaryRule((context, dY) => {
  const { graph, node } = context;
  const x = context.input(0);
  const axes = (intsAttribute(node, "axes") ?? [0, 2, 3]).map((axis) => nonNegativeAxis(axis, context.rank(x)));
  const centred = graph.add("Sub", [x, reduceMean(context, x, axes)]);
  const deviation = graph.add("Sqrt", [reduceMean(context, graph.add("Mul", [centred, centred]), axes)]);
  const divisor = graph.add("Add", [deviation, context.scalar(1e-9, x)]);
  const mean = reduceMean(context, dY, axes);
  const along = reduceMean(context, graph.add("Mul", [dY, centred]), axes);
  // dX = (dY − mean(dY)) / s − (x − μ) mean(dY (x − μ)) / (s² σ), with s = σ + 1e-9
  const slope = graph.add("Div", [along, graph.add("Mul", [divisor, deviation])]);
  const isFlat = graph.add("Equal", [deviation, context.scalar(0, x)]);
  const safe = graph.add("Where", [isFlat, context.scalar(0, x), slope]);
  return graph.add("Div", [
    graph.add("Sub", [graph.add("Sub", [dY, mean]), graph.add("Mul", [centred, safe])]),
    divisor,
  ]);
});
