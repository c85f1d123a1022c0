import { intAttribute, intsAttribute } from "../../onnx/attributes";
import { foldWindows } from "../emission/fold-windows";
import { perNormPower, signedPower } from "../emission/lp-norm";
import { slidingWindow } from "../emission/sliding-window";
import { unaryRule } from "../gradient-rule";

/** LpPool: y = (Σ |x|^p)^(1/p) over each window. */
export const lpPoolGradient = unaryRule((context, dY) => {
  const x = context.input(0);
  const p = intAttribute(context.node, "p", 2);
  const kernel = intsAttribute(context.node, "kernel_shape") ?? context.refuse("it has no kernel_shape");
  // dX[i] = sign(x) |x|^(p − 1) Σ of dY / y^(p − 1) over the windows that hold i
  const folded = foldWindows(
    context,
    perNormPower(context, dY, context.output(0), p),
    slidingWindow(context, x, kernel),
  );
  return context.graph.add("Mul", [signedPower(context, x, p), folded]);
});
