import { intsAttribute } from "../../../onnx/attributes";
import { Rewriting, type Pass } from "../rewriting";

/**
 * Resize of the last axes alone becomes Resize of all axes, by whole scales where they are whole: the form that onnxruntime
 * computes inside its blocked layout.
 */
export const fullResizeSizes: Pass = (model) => {
  const rewriting = new Rewriting(model, "resized");
  for (const node of rewriting.nodes("Resize")) {
    const from = rewriting.shape(node.inputs[0]);
    const to = rewriting.shape(node.outputs[0]);
    const partial = node.attributes["axes"] !== undefined || (node.inputs[3] ?? "") !== "";
    if (
      !partial ||
      from?.length !== 4 ||
      to?.length !== 4 ||
      intsAttribute(node, "axes")?.some((axis) => axis < 0 || axis > 3)
    )
      continue;
    const scales = to.map((extent, axis) => extent / (from[axis] as number));
    const known = new Set(["stretch", undefined]);
    const policy = node.attributes["keep_aspect_ratio_policy"];
    if (
      !scales.every(Number.isInteger) ||
      !known.has(policy?.kind === "string" ? policy.value : undefined) ||
      node.inputs[1]
    )
      continue;
    const { axes: _axes, keep_aspect_ratio_policy: _policy, ...attributes } = node.attributes;
    rewriting.remove(node);
    rewriting.builder.add(
      "Resize",
      [node.inputs[0] as string, "", rewriting.builder.float32(scales)],
      attributes,
      node.outputs[0],
    );
  }
  return rewriting.finish();
};
