import { dataTypeCode } from "../../onnx/data-types";
import { extentOf, product } from "../emission/extents";
import { range } from "../emission/values";
import { unaryRule } from "../gradient-rule";

/** GlobalAveragePool. */
export const globalAveragePoolGradient = unaryRule((context, dY) => {
  const { graph } = context;
  const x = context.input(0);
  const count = product(
    context,
    range(2, context.rank(x)).map((axis) => extentOf(context, x, axis)),
  );
  // dX = dY / n at each of the n positions
  const share =
    typeof count === "number"
      ? graph.add("Mul", [dY, context.scalar(1 / count, x)])
      : graph.add("Div", [dY, graph.add("Cast", [count], { to: dataTypeCode(context.dataType(x)) })]);
  return graph.add("Expand", [share, context.shapeTensor(x)]);
});
