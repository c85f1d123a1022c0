import { intAttribute } from "../../onnx/attributes";
import { nonNegativeAxis, reduceSum } from "../emission/values";
import { unaryRule } from "../gradient-rule";

/** LpNormalization: y = x / ‖x‖ₚ along one axis, p = 1 or 2; zero where the norm is. */
export const lpNormalizationGradient = unaryRule((context, dY) => {
  const { graph, node } = context;
  const [x, y] = [context.input(0), context.output(0)];
  const axis = nonNegativeAxis(intAttribute(node, "axis", -1), context.rank(x));
  const p = intAttribute(node, "p", 2);
  const norm = graph.add(p === 1 ? "ReduceL1" : "ReduceL2", [x, graph.int64([axis])], { keepdims: 1 });
  const along = reduceSum(context, graph.add("Mul", [dY, y]), [axis], true);
  // dX = (dY − ∂‖x‖/∂x Σ dY y) / ‖x‖, where ∂‖x‖/∂x is y for p = 2 and sign(x) for p = 1
  const difference = graph.add("Sub", [dY, graph.add("Mul", [p === 1 ? graph.add("Sign", [x]) : y, along])]);
  const isZero = graph.add("Equal", [norm, context.scalar(0, x)]);
  return graph.add("Where", [isZero, context.scalar(0, x), graph.add("Div", [difference, norm])]);
});
