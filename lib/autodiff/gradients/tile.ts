import { unaryRule } from "../gradient-rule";

/** y is x repeated along every axis. */
export const tileGradient = unaryRule((context, dy) => {
  const { graph } = context;
  const x = context.input(0);
  const rank = context.rank(x);
  if (rank === 0) return dy;
  // dX = Σ over the copies of dY, seen as [repeats₀, extent₀, repeats₁, extent₁, …]
  const column = graph.int64([1]);
  const pairs = graph.add(
    "Concat",
    [context.input(1), context.shapeTensor(x)].map((list) => graph.add("Unsqueeze", [list, column])),
    { axis: 1 },
  );
  const copies = graph.add("Reshape", [dy, graph.add("Reshape", [pairs, graph.int64([-1])])]);
  return graph.add("ReduceSum", [copies, graph.int64(Array.from({ length: rank }, (_, axis) => 2 * axis))], {
    keepdims: 0,
  });
});
