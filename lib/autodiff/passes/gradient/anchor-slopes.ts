import { Rewriting, type Pass } from "../rewriting";
import { blockedChannels, inBlockedLayout } from "./blocked-layout";

/**
 * A mean slope along a segment is born flat, and onnxruntime would take the gradient out of its blocked layout to multiply the
 * two and then back. A depthwise Conv with ones takes the slope into the layout instead; onnxruntime fuses the HardSigmoid
 * after it into it. Of a HardSigmoid of the model's own that follows a Reshape the same is true.
 */
export const anchorSlopes: Pass = (model) => {
  const rewriting = new Rewriting(model, "slope");
  for (const node of rewriting.nodes("HardSigmoid")) {
    const [lead = ""] = node.inputs;
    const channels = blockedChannels(rewriting, lead);
    if (channels === undefined || rewriting.producer(lead)?.operator !== "Reshape") continue;
    rewriting.setInputs(node, [inBlockedLayout(rewriting, lead, channels)]);
  }
  return rewriting.finish();
};
