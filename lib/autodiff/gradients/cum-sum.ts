import { intAttribute } from "../../onnx/attributes";
import { unaryRule } from "../gradient-rule";

/** CumSum. */
export const cumSumGradient = unaryRule((context, dY) => {
  const { node } = context;
  // dX[i] = Σ of dY over the sums that i is part of: a cumulative sum from the other end
  return context.graph.add("CumSum", [dY, context.input(1)], {
    exclusive: intAttribute(node, "exclusive", 0),
    reverse: 1 - intAttribute(node, "reverse", 0),
  });
});
