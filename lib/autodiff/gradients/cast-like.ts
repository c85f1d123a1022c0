import { dataTypeCode } from "../../onnx/data-types";
import type { GradientRule } from "../gradient-rule";

/** y is x in the type of another value, of which only the type matters. */
export const castLikeGradient: GradientRule = (context, [dy]) => {
  // dX = dY in the type of x
  return dy ? [context.graph.add("Cast", [dy], { to: dataTypeCode(context.dataType(context.input(0))) })] : [];
};
