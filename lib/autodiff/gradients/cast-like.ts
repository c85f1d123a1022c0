import { dataTypeCode } from "../../onnx/data-types";
import { unaryRule } from "../gradient-rule";

/** y is x in the type of another value, of which only the type matters. */
export const castLikeGradient = unaryRule((context, dy) => {
  // dX = dY in the type of x
  return context.graph.add("Cast", [dy], { to: dataTypeCode(context.dataType(context.input(0))) });
});
