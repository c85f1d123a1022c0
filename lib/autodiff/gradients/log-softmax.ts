import { unaryRule } from "../gradient-rule";
import { intAttribute } from "../../onnx/attributes";

/** y = ln softmax(x) along one axis. */
export const logSoftmaxGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = dY − eʸ · Σ dY
  const axis = graph.int64([intAttribute(context.node, "axis", -1)]);
  const sum = graph.add("ReduceSum", [dy, axis], { keepdims: 1 });
  return graph.add("Sub", [dy, graph.add("Mul", [graph.add("Exp", [context.output(0)]), sum])]);
});
