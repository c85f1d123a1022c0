import { intAttribute } from "../../onnx/attributes";
import { unaryRule } from "../gradient-rule";

/** Trilu. */
export const triluGradient = unaryRule((context, dY) =>
  // dX = dY where X was kept
  context.graph.add("Trilu", context.has(1) ? [dY, context.input(1)] : [dY], {
    upper: intAttribute(context.node, "upper", 1),
  }),
);
