import { intAttribute } from "../../onnx/attributes";
import { asVector, extentsOf, product, reshape, shapeVector } from "../emission/extents";
import { unaryRule, type RuleContext } from "../gradient-rule";

/** GatherND, with batch_dims. */
export const gatherNDGradient = unaryRule((context, dY) => {
  const { graph, node } = context;
  const x = context.input(0);
  const batchDims = intAttribute(node, "batch_dims", 0);
  // dX[index] = Σ of dY over the places that were read from there
  if (batchDims === 0)
    return graph.add("ScatterND", [context.zerosLike(x), context.input(1), dY], { reduction: "add" });
  const whole = extentsOf(context, x);
  const flat = [product(context, whole.slice(0, batchDims)), ...whole.slice(batchDims)];
  const { indices, updates } = flattened(context, dY, batchDims);
  const scattered = graph.add("ScatterND", [reshape(context, context.zerosLike(x), flat), indices, updates], {
    reduction: "add",
  });
  return reshape(context, scattered, whole);
});

/** The batch axes joined to one, and its position put before each index. */
function flattened(context: RuleContext, dY: string, batchDims: number): { indices: string; updates: string } {
  const { graph } = context;
  const name = context.input(1);
  const of = extentsOf(context, name);
  const batch = product(context, of.slice(0, batchDims));
  const inner = of.slice(batchDims, -1);
  const positions = graph.add("Range", [
    graph.int64(0),
    graph.add("Squeeze", [asVector(context, batch)]),
    graph.int64(1),
  ]);
  const column = graph.add("Reshape", [positions, graph.int64([-1, ...inner.map(() => 1), 1])]);
  const expanded = graph.add("Expand", [column, shapeVector(context, [batch, ...inner, 1])]);
  const indices = graph.add("Concat", [expanded, reshape(context, name, [batch, ...inner, ...of.slice(-1)])], {
    axis: -1,
  });
  const rest = extentsOf(context, context.output(0)).slice(batchDims);
  return { indices, updates: reshape(context, dY, [batch, ...rest]) };
}
