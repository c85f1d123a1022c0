import { intAttribute, stringAttribute } from "../../onnx/attributes";
import { scatterGradient } from "../emission/scatter-gradient";
import type { GradientRule } from "../gradient-rule";

/** ScatterElements with every reduction. */
export const scatterElementsGradient: GradientRule = (context, [dY]) => {
  const { graph, node } = context;
  const axis = intAttribute(node, "axis", 0);
  return scatterGradient(context, dY, stringAttribute(node, "reduction", "none"), {
    gather: (data) => graph.add("GatherElements", [data, context.input(1)], { axis }),
    scatter: (data, updates, reduction) =>
      graph.add("ScatterElements", [data, context.input(1), updates], { axis, reduction }),
  });
};
