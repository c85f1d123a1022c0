import { dataTypeCode } from "../../onnx/data-types";
import { keepAxes, reducedProduct, reducedSum } from "../emission/reduced-axes";
import { unaryRule } from "../gradient-rule";

/** y = Πx over some axes; a factor's derivative is the product of the others, also where one of them is 0. */
export const reduceProdGradient = unaryRule((context, dy) => {
  const { graph } = context;
  const x = context.input(0);
  const [zero, one] = [context.scalar(0, x), context.scalar(1, x)];
  const isZero = graph.add("Equal", [x, zero]);
  const zeros = reducedSum(context, graph.add("Cast", [isZero], { to: dataTypeCode(context.dataType(x)) }));
  const factors = graph.add("Where", [isZero, one, x]);
  const product = reducedProduct(context, factors);
  // no zero: dX = dY · y / x. One zero: only it has a gradient, the product of the others. More: none has.
  const atZero = graph.add("Where", [graph.add("Equal", [zeros, one]), product, zero]);
  const elsewhere = graph.add("Where", [graph.add("Equal", [zeros, zero]), graph.add("Div", [product, factors]), zero]);
  return graph.add("Mul", [keepAxes(context, dy), graph.add("Where", [isZero, atZero, elsewhere])]);
});
