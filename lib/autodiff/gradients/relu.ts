import { float } from "../../onnx/attributes";
import { unaryRule, type RuleContext } from "../gradient-rule";

/** y = max(x, 0), with derivative 0 at 0. */
export const reluGradient = unaryRule((context, dy) => keepPositive(context, context.output(0), dy));

// larger than 1 over the smallest normal float32, so that the mask is 1 for every positive normal y
const steep = 3e38;

/** `gradient` where y > 0, zero elsewhere. In float32 the mask is a steep HardSigmoid, which stays in onnxruntime's blocked layout. */
export function keepPositive(context: RuleContext, y: string, gradient: string): string {
  const { graph } = context;
  if (context.dataType(y) !== "float32")
    return context.keepWhere(graph.add("Greater", [y, context.scalar(0, y)]), gradient);
  // dX = dY · (y > 0)
  return graph.add("Mul", [gradient, graph.add("HardSigmoid", [y], { alpha: float(steep), beta: float(0) })]);
}
