import { intAttribute } from "../../onnx/attributes";
import { perNormPower, signedPower } from "../emission/lp-norm";
import { unaryRule } from "../gradient-rule";

/** GlobalLpPool: y = (Σ |x|^p)^(1/p) over each channel. */
export const globalLpPoolGradient = unaryRule((context, dY) => {
  const x = context.input(0);
  const p = intAttribute(context.node, "p", 2);
  // dX = sign(x) |x|^(p − 1) dY / y^(p − 1)
  return context.graph.add("Mul", [signedPower(context, x, p), perNormPower(context, dY, context.output(0), p)]);
});
