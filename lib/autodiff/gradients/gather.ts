import { intAttribute } from "../../onnx/attributes";
import { extentsOf, shapeVector } from "../emission/extents";
import { castTo, filled, nonNegativeAxis, range } from "../emission/values";
import { unaryRule } from "../gradient-rule";

/** Gather. */
export const gatherGradient = unaryRule((context, dY) => {
  const { graph } = context;
  const [x, indices] = [context.input(0), context.input(1)];
  const [rank, indexRank] = [context.rank(x), context.rank(indices)];
  const axis = nonNegativeAxis(intAttribute(context.node, "axis", 0), rank);
  const whole = extentsOf(context, x);
  const rows = graph.add("Unsqueeze", [
    castTo(context, indices, context.dataType(indices), "int64"),
    graph.int64([-1]),
  ]);
  // dX[index] = Σ of dY over the places that were read from there
  const scattered = (shape: string, updates: string): string =>
    graph.add("ScatterND", [filled(context, 0, shape, x), rows, updates], { reduction: "add" });
  if (axis === 0) return scattered(context.shapeTensor(x), dY);
  const [before, after] = [range(0, axis), range(axis + 1, rank)];
  const first = [axis, ...before, ...after];
  const moved = shapeVector(
    context,
    first.map((from) => whole[from] ?? 1),
  );
  const updates = graph.add("Transpose", [dY], {
    perm: [...range(axis, axis + indexRank), ...before, ...range(axis + indexRank, rank - 1 + indexRank)],
  });
  return graph.add("Transpose", [scattered(moved, updates)], { perm: range(0, rank).map((to) => first.indexOf(to)) });
});
