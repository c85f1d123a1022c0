import { intAttribute } from "../../onnx/attributes";
import { realConstant } from "../emission/values";
import { unaryRule } from "../gradient-rule";

/** AffineGrid (opset 20): grid = θ [base; 1], with the base grid that θ = [I 0] gives. */
export const affineGridGradient = unaryRule((context, dY) => {
  const { graph, node } = context;
  const [theta, size] = [context.input(0), context.input(1)];
  const isVolume = context.rank(context.output(0)) === 5;
  const dimensions = isVolume ? 3 : 2;
  const rows = Array.from({ length: dimensions }, (_, row) =>
    Array.from({ length: dimensions + 1 }, (_, column) => (row === column ? 1 : 0)),
  );
  const identity = realConstant(context, rows.flat(), [1, dimensions, dimensions + 1], theta);
  const one = graph.add(
    "Concat",
    [graph.int64([1]), graph.add("Slice", [size, graph.int64([1]), graph.int64([dimensions + 2])])],
    { axis: 0 },
  );
  const grid = graph.add("AffineGrid", [identity, one], { align_corners: intAttribute(node, "align_corners", 0) });
  const base = graph.add("Pad", [
    graph.add("Reshape", [grid, graph.int64([-1, dimensions])]),
    graph.int64([0, 0, 0, 1]),
    context.scalar(1, theta),
  ]);
  const points = graph.add("Reshape", [dY, graph.int64([0, -1, dimensions])]);
  // dθ = dYᵀ [base; 1]
  return graph.add("MatMul", [graph.add("Transpose", [points], { perm: [0, 2, 1] }), base]);
});
