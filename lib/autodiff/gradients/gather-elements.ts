import { intAttribute } from "../../onnx/attributes";
import { unaryRule } from "../gradient-rule";

/** GatherElements. */
export const gatherElementsGradient = unaryRule((context, dY) =>
  // dX[index] = Σ of dY over the places that were read from there
  context.graph.add("ScatterElements", [context.zerosLike(context.input(0)), context.input(1), dY], {
    axis: intAttribute(context.node, "axis", 0),
    reduction: "add",
  }),
);
