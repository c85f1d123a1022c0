import { floatAttribute, intAttribute } from "../../../onnx/attributes";
import type { Node } from "../../../onnx/model";
import { Rewriting, type Pass } from "../rewriting";
import { scaledRows } from "./channel-factors";

export interface Affine {
  readonly scale: Float64Array;
  readonly shift: Float64Array;
}

/** y = scale · x + shift of an inference-mode BatchNormalization with constant parameters, a channel each; else undefined. */
export function affineOf(rewriting: Pick<Rewriting, "constant">, node: Node): Affine | undefined {
  if (intAttribute(node, "training_mode", 0) !== 0 || node.outputs.length > 1) return undefined;
  const [gamma, beta, mean, variance] = node.inputs
    .slice(1)
    .map((name) => rewriting.constant(name)?.data as Float32Array | undefined);
  if (!gamma || !beta || !mean || !variance) return undefined;
  const epsilon = floatAttribute(node, "epsilon", 1e-5);
  const scale = Float64Array.from(
    gamma,
    (factor, channel) => factor / Math.sqrt((variance[channel] as number) + epsilon),
  );
  return {
    scale,
    shift: scale.map((factor, channel) => (beta[channel] as number) - (mean[channel] as number) * factor),
  };
}

/**
 * Conv → BatchNormalization becomes one Conv: W′ = scale · W, b′ = scale · b + shift. onnxruntime would do so itself, but then
 * the backward convolution would still use the old weights and multiply by the scale.
 */
export const foldBatchNormalization: Pass = (model) => {
  const rewriting = new Rewriting(model, "folded");
  for (const node of rewriting.nodes("BatchNormalization")) {
    const convolution = rewriting.ownProducer(node.inputs[0], "Conv");
    const weights = rewriting.constant(convolution?.inputs[1]);
    const affine = affineOf(rewriting, node);
    if (!convolution || !weights || !affine) continue;
    const biasName = convolution.inputs[2];
    const bias = biasName ? rewriting.constant(biasName) : undefined;
    if (biasName && !bias) continue;

    const { scale, shift } = affine;
    const shifted = Float32Array.from(
      shift,
      (value, channel) =>
        value + (scale[channel] as number) * ((bias?.data as Float32Array | undefined)?.[channel] ?? 0),
    );
    rewriting.remove(convolution);
    rewriting.remove(node);
    rewriting.builder.add(
      "Conv",
      [
        convolution.inputs[0] as string,
        rewriting.weights(scaledRows(weights, scale), weights.dims, convolution.inputs[1] as string),
        rewriting.weights(shifted, [shifted.length], `${convolution.inputs[1]}.bias`),
      ],
      convolution.attributes,
      node.outputs[0],
    );
  }
  return rewriting.finish();
};
