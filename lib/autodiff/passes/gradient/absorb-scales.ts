import { intAttribute } from "../../../onnx/attributes";
import type { Node } from "../../../onnx/model";
import { Rewriting, type Pass } from "../rewriting";
import { channelFactors, scaledRows } from "./channel-factors";

/**
 * A constant factor a channel (the scale of a BatchNormalization, the 1 / n of an average) is multiplied into the rows of the
 * convolution that made the value. On the way there it passes masks (products with values that do not depend on it) and sums.
 */
export const absorbScales: Pass = (model) => {
  const rewriting = new Rewriting(model, "scaled");
  for (const product of rewriting.nodes("Mul")) {
    const found = constantFactor(rewriting, product);
    if (!found) continue;
    const convolutions = convolutionsBehind(rewriting, found.value, found.factors.length);
    if (!convolutions) continue;
    for (const convolution of convolutions) scaleRows(rewriting, convolution, found.factors);
    bypass(rewriting, product, found.value);
  }
  return rewriting.finish();
};

function constantFactor(rewriting: Rewriting, product: Node): { value: string; factors: Float32Array } | undefined {
  for (const [constant, value] of [
    [product.inputs[1], product.inputs[0]],
    [product.inputs[0], product.inputs[1]],
  ] as const) {
    const shape = rewriting.shape(value);
    const factors = shape?.length === 4 ? channelFactors(rewriting.constant(constant), shape[1] ?? 0) : undefined;
    if (value !== undefined && factors) return { value, factors };
  }
  return undefined;
}

/** The convolutions whose rows carry a factor on a value, or undefined where it cannot be moved all the way. */
function convolutionsBehind(rewriting: Rewriting, value: string, channels: number): Node[] | undefined {
  const node = rewriting.ownProducer(value);
  if (!node || rewriting.shape(value)?.[1] !== channels) return undefined;
  const behind = (name: string | undefined): Node[] | undefined =>
    name === undefined ? undefined : convolutionsBehind(rewriting, name, channels);
  switch (node.operator) {
    case "Conv":
      return rewriting.constant(node.inputs[1]) && !node.inputs[2] && intAttribute(node, "group", 1) === 1
        ? [node]
        : undefined;
    case "Mul":
      // One factor carries it, whichever can; the other is the mask.
      return sameShape(rewriting, node, 0)
        ? (behind(node.inputs[0]) ?? (sameShape(rewriting, node, 1) ? behind(node.inputs[1]) : undefined))
        : undefined;
    case "Add": {
      const [left, right] = [behind(node.inputs[0]), behind(node.inputs[1])];
      return left && right && sameShape(rewriting, node, 0) && sameShape(rewriting, node, 1)
        ? [...left, ...right]
        : undefined;
    }
    default:
      return undefined;
  }
}

function sameShape(rewriting: Rewriting, node: Node, input: number): boolean {
  return rewriting.shape(node.inputs[input])?.join() === rewriting.shape(node.outputs[0])?.join();
}

function scaleRows(rewriting: Rewriting, convolution: Node, factors: Float32Array): void {
  const weights = rewriting.constant(convolution.inputs[1]);
  if (!weights) return;
  rewriting.setInputs(convolution, [
    convolution.inputs[0] as string,
    rewriting.weights(scaledRows(weights, factors), weights.dims, convolution.inputs[1] as string),
  ]);
}

/** Lets a node's readers read its input; a node that is an output stays as an Identity. */
function bypass(rewriting: Rewriting, node: Node, value: string): void {
  const [output = ""] = node.outputs;
  const readers = rewriting.readersOf(output);
  const isOutput = rewriting.isOutput(output);
  rewriting.remove(node);
  for (const reader of readers) rewriting.replaceInput(reader, output, value);
  if (isOutput) rewriting.builder.add("Identity", [value], {}, output);
}
