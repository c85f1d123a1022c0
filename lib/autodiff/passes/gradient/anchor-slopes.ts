import { Rewriting, type Pass } from "../rewriting";

/** Channels that onnxruntime packs together: 16 with AVX-512, 8 otherwise. */
const block = 16;

/**
 * A mean slope along a segment is born flat, and onnxruntime would take the gradient out of its blocked layout to multiply the
 * two and then back. A depthwise Conv with ones takes the slope into the layout instead; onnxruntime fuses the HardSigmoid
 * after it into it.
 */
export const anchorSlopes: Pass = (model) => {
  const rewriting = new Rewriting(model, "slope");
  for (const node of rewriting.nodes("HardSigmoid")) {
    const [lead = ""] = node.inputs;
    const channels = rewriting.shape(lead)?.[1] ?? 0;
    if (
      rewriting.producer(lead)?.operator !== "Reshape" ||
      rewriting.shape(lead)?.length !== 4 ||
      channels % block !== 0
    )
      continue;
    const ones = rewriting.weights(new Float32Array(channels).fill(1), [channels, 1, 1, 1], "ones");
    rewriting.setInputs(node, [rewriting.builder.add("Conv", [lead, ones], { group: channels, kernel_shape: [1, 1] })]);
  }
  return rewriting.finish();
};
