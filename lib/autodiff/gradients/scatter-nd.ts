import { stringAttribute } from "../../onnx/attributes";
import { scatterGradient } from "../emission/scatter-gradient";
import type { GradientRule } from "../gradient-rule";

/** ScatterND with every reduction. */
export const scatterNDGradient: GradientRule = (context, [dY]) => {
  const { graph, node } = context;
  return scatterGradient(context, dY, stringAttribute(node, "reduction", "none"), {
    gather: (data) => graph.add("GatherND", [data, context.input(1)]),
    scatter: (data, updates, reduction) => graph.add("ScatterND", [data, context.input(1), updates], { reduction }),
  });
};
