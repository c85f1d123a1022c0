import { intsAttribute } from "../../onnx/attributes";
import { unaryRule } from "../gradient-rule";

/** y is x cut or padded with zeros around its centre. */
export const centerCropPadGradient = unaryRule((context, dy) => {
  const { graph } = context;
  const axes = intsAttribute(context.node, "axes");
  const shape = context.shapeTensor(context.input(0));
  // dX = dY cut or padded back to the extents of x
  const extents = axes ? graph.add("Gather", [shape, graph.int64(axes)]) : shape;
  return graph.add("CenterCropPad", [dy, extents], axes ? { axes } : {});
});
