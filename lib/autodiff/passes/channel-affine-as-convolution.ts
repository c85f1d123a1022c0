import { affineOf } from "./fold-batch-normalization";
import { channelFactors, Rewriting, type Pass } from "./rewriting";

/**
 * What is left of BatchNormalization, and of products with a constant a channel, becomes a depthwise 1×1 Conv, which
 * onnxruntime computes inside its blocked layout; the others would leave it and come back.
 */
export const channelAffineAsConvolution: Pass = (model) => {
  const rewriting = new Rewriting(model, "depthwise");
  for (const node of rewriting.nodes("BatchNormalization")) {
    const affine = affineOf(rewriting, node);
    if (!affine || rewriting.shape(node.inputs[0])?.length !== 4) continue;
    const channels = affine.scale.length;
    rewriting.remove(node);
    rewriting.builder.add("Conv", [
      node.inputs[0] as string,
      rewriting.weights(Float32Array.from(affine.scale), [channels, 1, 1, 1], node.inputs[1] as string),
      rewriting.weights(Float32Array.from(affine.shift), [channels], node.inputs[2] as string),
    ], { group: channels, kernel_shape: [1, 1] }, node.outputs[0]);
  }
  for (const node of rewriting.nodes("Mul")) {
    for (const [constant, value] of [[node.inputs[1], node.inputs[0]], [node.inputs[0], node.inputs[1]]] as const) {
      const shape = rewriting.shape(value);
      const tensor = rewriting.constant(constant);
      const factors = shape?.length === 4 && tensor && tensor.data.length > 1 ? channelFactors(tensor, shape[1] as number) : undefined;
      if (!factors || value === undefined) continue;
      rewriting.remove(node);
      rewriting.builder.add("Conv", [value, rewriting.weights(factors, [factors.length, 1, 1, 1], constant as string)], { group: factors.length, kernel_shape: [1, 1] }, node.outputs[0]);
      break;
    }
  }
  return rewriting.finish();
};
