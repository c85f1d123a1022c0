import { float, floatAttribute } from "../../onnx/attributes";
import type { Node } from "../../onnx/model";
import type { RuleContext } from "../gradient-rule";

/**
 * The slope of a mask: more than 1 over the smallest normal float32, so that the mask is 1 for every positive normal
 * y. It is no float32 itself. Whatever comes out of a file has float32 attributes, so no HardSigmoid of a user's model
 * equals it.
 */
const slope = 3e38;

/**
 * `gradient` where y > 0, zero elsewhere. In float32 a product with a mask: a HardSigmoid clip(slope · y, 0, 1), which
 * stays in onnxruntime's blocked layout where a comparison would leave it. Passes find it again with `isMask`.
 */
export function keepPositive(context: RuleContext, y: string, gradient: string): string {
  const { graph } = context;
  if (context.dataType(y) !== "float32")
    return context.keepWhere(graph.add("Greater", [y, context.scalar(0, y)]), gradient);
  // dX = dY · (y > 0)
  return graph.add("Mul", [gradient, graph.add("HardSigmoid", [y], { alpha: float(slope), beta: float(0) })]);
}

/** Whether a node is the mask that `keepPositive` emitted, and no HardSigmoid of the model itself. */
export function isMask(node: Node | undefined): boolean {
  return (
    node?.operator === "HardSigmoid" &&
    node.domain === "" &&
    floatAttribute(node, "alpha") === slope &&
    floatAttribute(node, "beta") === 0
  );
}
