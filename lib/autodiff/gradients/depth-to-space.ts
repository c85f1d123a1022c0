import { intAttribute, stringAttribute } from "../../onnx/attributes";
import { dividedBy, extentsOf, reshape, times, type Extent } from "../emission/extents";
import { unaryRule } from "../gradient-rule";

/** DepthToSpace in both orders of channels. */
export const depthToSpaceGradient = unaryRule((context, dY) => {
  const { graph, node } = context;
  const block = intAttribute(node, "blocksize") ?? context.refuse("it has no blocksize");
  // dX = space_to_depth(dY)
  if (stringAttribute(node, "mode", "DCR") === "DCR") return graph.add("SpaceToDepth", [dY], { blocksize: block });
  const [batch = 1, channels = 1, height = 1, width = 1] = extentsOf(context, context.output(0));
  const [rows, columns]: [Extent, Extent] = [dividedBy(context, height, block), dividedBy(context, width, block)];
  const split = reshape(context, dY, [batch, channels, rows, block, columns, block]);
  const ordered = graph.add("Transpose", [split], { perm: [0, 1, 3, 5, 2, 4] });
  return reshape(context, ordered, [batch, times(context, channels, block * block), rows, columns]);
});
