import { intAttribute } from "../../onnx/attributes";
import { unaryRule } from "../gradient-rule";

/** SpaceToDepth. */
export const spaceToDepthGradient = unaryRule((context, dY) => {
  const block = intAttribute(context.node, "blocksize") ?? context.refuse("it has no blocksize");
  // dX = depth_to_space(dY)
  return context.graph.add("DepthToSpace", [dY], { blocksize: block, mode: "DCR" });
});
