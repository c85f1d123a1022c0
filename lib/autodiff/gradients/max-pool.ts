import { intAttribute } from "../../onnx/attributes";
import { extentsOf, product, reshape, shapeVector } from "../emission/extents";
import { filled } from "../emission/values";
import type { GradientRule, RuleContext } from "../gradient-rule";

/** MaxPool: the first maximum of a window takes its whole gradient. */
export const maxPoolGradient: GradientRule = (context, [dY]) => {
  if (!dY) return [];
  const { graph } = context;
  const x = context.input(0);
  const flat = graph.int64([-1]);
  const whole = extentsOf(context, x);
  // dX[i] = Σ of dY over the windows whose maximum stands at i, counted over the whole tensor
  const zeros = filled(context, 0, shapeVector(context, [product(context, whole)]), x);
  const indices = graph.add("Reshape", [rowMajorIndices(context), flat]);
  const summed = graph.add("ScatterElements", [zeros, indices, graph.add("Reshape", [dY, flat])], {
    axis: 0,
    reduction: "add",
  });
  return [reshape(context, summed, whole)];
};

/** The node's own Indices; where those count columns first, the Indices of a second MaxPool that counts rows first. */
function rowMajorIndices(context: RuleContext): string {
  const { node } = context;
  if (intAttribute(node, "storage_order", 0) === 0) return context.ensureOutput(1);
  const attributes = { ...node.attributes };
  delete attributes["storage_order"];
  return context.graph.addMany("MaxPool", [context.input(0)], 2, attributes)[1] ?? context.ensureOutput(1);
}
