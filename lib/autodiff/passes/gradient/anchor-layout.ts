import { intAttribute } from "../../../onnx/attributes";
import type { Node } from "../../../onnx/model";
import { Rewriting, type Pass } from "../rewriting";

/** Channels that onnxruntime packs together: 16 with AVX-512, 8 otherwise. */
const block = 16;

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
      const shape = rewriting.shape(plain);
      if (
        shape?.length === 4 &&
        (shape[1] as number) % block === 0 &&
        shape.join() === rewriting.shape(output)?.join() &&
        !rewriting.constant(plain)
      ) {
        anchor(rewriting, node, plain);
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
      const shape = rewriting.shape(first);
      if (shape?.length === 4 && (shape[1] as number) % block === 0) anchor(rewriting, node, first);
      blocked.add(output);
      continue;
    }
    if (staysBlocked(rewriting, node, blocked)) blocked.add(output);
  }
  return rewriting.finish();
};

function anchor(rewriting: Rewriting, node: Node, plain: string): void {
  const channels = rewriting.shape(plain)?.[1] as number;
  const ones = rewriting.weights(new Float32Array(channels).fill(1), [channels, 1, 1, 1], "ones");
  const anchored = rewriting.builder.add("Conv", [plain, ones], { group: channels, kernel_shape: [1, 1] });
  rewriting.setInputs(
    node,
    node.inputs.map((name) => (name === plain ? anchored : name)),
  );
}

function staysBlocked(rewriting: Rewriting, node: Node, blocked: ReadonlySet<string>): boolean {
  const shape = rewriting.shape(node.outputs[0]);
  if (node.domain !== "" || shape?.length !== 4 || (shape[1] as number) % block !== 0) return false;
  const isBlocked = (name: string): boolean => blocked.has(name);
  switch (node.operator) {
    case "Conv": {
      const group = intAttribute(node, "group", 1);
      return rewriting.constant(node.inputs[1]) !== undefined && (group === 1 || group === shape[1]);
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
      return (
        elementwise.has(node.operator) &&
        node.inputs.every((name) => isBlocked(name) && rewriting.shape(name)?.join() === shape.join())
      );
  }
}
