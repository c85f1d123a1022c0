import { dataTypeCode } from "../../onnx/data-types";
import { keepAxes, reducedSum } from "../emission/reduced-axes";
import { unaryRule } from "../gradient-rule";

/** y = the maximum of x over some axes; elements that tie share the gradient evenly. */
export const reduceMaxGradient = unaryRule((context, dy) => {
  const { graph } = context;
  const x = context.input(0);
  // dX = dY · [x = y] / number of elements that equal y
  const hits = graph.add("Cast", [graph.add("Equal", [x, keepAxes(context, context.output(0))])], {
    to: dataTypeCode(context.dataType(x)),
  });
  const share = graph.add("Div", [keepAxes(context, dy), reducedSum(context, hits)]);
  return graph.add("Mul", [hits, share]);
});
