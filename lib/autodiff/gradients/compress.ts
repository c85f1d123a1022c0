import { intAttribute } from "../../onnx/attributes";
import { extentsOf, product, shapeVector } from "../emission/extents";
import { filled, nonNegativeAxis, range } from "../emission/values";
import { unaryRule } from "../gradient-rule";

/** Compress: what was kept takes its gradient. */
export const compressGradient = unaryRule((context, dY) => {
  const { graph, node } = context;
  const x = context.input(0);
  const whole = extentsOf(context, x);
  const kept = graph.add("Transpose", [graph.add("NonZero", [context.input(1)])], { perm: [1, 0] });
  // dX = dY where X was kept, zero elsewhere
  const placed = (shape: string, updates: string): string =>
    graph.add("ScatterND", [filled(context, 0, shape, x), kept, updates]);
  const listed = intAttribute(node, "axis");
  if (listed === undefined)
    return graph.add("Reshape", [placed(shapeVector(context, [product(context, whole)]), dY), context.shapeTensor(x)]);
  const axis = nonNegativeAxis(listed, whole.length);
  if (axis === 0) return placed(context.shapeTensor(x), dY);
  const swapped = range(0, whole.length).map((index) => (index === 0 ? axis : index === axis ? 0 : index));
  const shape = shapeVector(
    context,
    swapped.map((index) => whole[index] ?? 1),
  );
  return graph.add("Transpose", [placed(shape, graph.add("Transpose", [dY], { perm: swapped }))], { perm: swapped });
});
