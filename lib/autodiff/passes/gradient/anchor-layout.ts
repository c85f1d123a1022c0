import { intAttribute } from "../../../onnx/attributes";
import type { Node } from "../../../onnx/model";
import { Rewriting, type Pass } from "../rewriting";
import { blockedChannels, inBlockedLayout } from "./blocked-layout";

const elementwise = new Set(["Add", "Mul", "Relu", "HardSigmoid", "Sigmoid", "Tanh"]);

/**
 * A sum of a value in onnxruntime's blocked layout and one in the plain layout is computed plainly, and so is everything
 * elementwise after it. A depthwise Conv with ones brings the plain summand into the blocked layout; onnxruntime fuses the
 * sum into it. A Relu of a plain value gets such a Conv before it, for the convolutions and sums that follow; it is fused, too.
 */
export const anchorLayout: Pass = (model) => {
  const rewriting = new Rewriting(model, "anchor");
  const blocked = new Set<string>();
  for (const node of rewriting.nodes()) {
    const [output = ""] = node.outputs;
    const [first, second] = node.inputs;
    if (
      node.operator === "Add" &&
      first !== undefined &&
      second !== undefined &&
      blocked.has(first) !== blocked.has(second)
    ) {
      const plain = blocked.has(first) ? second : first;
      const channels = blockedChannels(rewriting, plain);
      if (
        channels !== undefined &&
        rewriting.shape(plain)?.join() === rewriting.shape(output)?.join() &&
        !rewriting.constant(plain)
      ) {
        rewriting.replaceInput(node, plain, inBlockedLayout(rewriting, plain, channels));
        blocked.add(output);
        continue;
      }
    }
    if (
      node.operator === "Relu" &&
      first !== undefined &&
      rewriting.producer(first)?.operator === "MaxPool" &&
      !blocked.has(first)
    ) {
      const channels = blockedChannels(rewriting, first);
      if (channels !== undefined) rewriting.replaceInput(node, first, inBlockedLayout(rewriting, first, channels));
      blocked.add(output);
      continue;
    }
    if (staysBlocked(rewriting, node, blocked)) blocked.add(output);
  }
  return rewriting.finish();
};

function staysBlocked(rewriting: Rewriting, node: Node, blocked: ReadonlySet<string>): boolean {
  const channels = blockedChannels(rewriting, node.outputs[0]);
  if (node.domain !== "" || channels === undefined) return false;
  const isBlocked = (name: string): boolean => blocked.has(name);
  const isOutputShape = (name: string): boolean =>
    rewriting.shape(name)?.join() === rewriting.shape(node.outputs[0])?.join();
  switch (node.operator) {
    case "Conv": {
      const group = intAttribute(node, "group", 1);
      return rewriting.constant(node.inputs[1]) !== undefined && (group === 1 || group === channels);
    }
    case "MaxPool":
    case "AveragePool":
    case "GlobalAveragePool":
      return node.outputs.length === 1;
    case "Concat":
      return node.inputs.every(isBlocked);
    case "Resize":
      return isBlocked(node.inputs[0] ?? "") && node.attributes["axes"] === undefined;
    default:
      return elementwise.has(node.operator) && node.inputs.every((name) => isBlocked(name) && isOutputShape(name));
  }
}
