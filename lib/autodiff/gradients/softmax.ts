import { unaryRule } from "../gradient-rule";
import { intAttribute } from "../../onnx/attributes";

/** y = softmax(x) along one axis. */
export const softmaxGradient = unaryRule((context, dy) => {
  const { graph } = context;
  // dX = y · (dY − Σ dY · y)
  const y = context.output(0);
  const axis = graph.int64([intAttribute(context.node, "axis", -1)]);
  const mean = graph.add("ReduceSum", [graph.add("Mul", [dy, y]), axis], { keepdims: 1 });
  return graph.add("Mul", [y, graph.add("Sub", [dy, mean])]);
});
