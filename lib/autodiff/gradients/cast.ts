import { unaryRule } from "../gradient-rule";
import { dataTypeCode } from "../../onnx/data-types";

/** y is x in another type. */
export const castGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = dY in the type of x
  return graph.add("Cast", [dy], { to: dataTypeCode(context.dataType(context.input(0))) });
});
