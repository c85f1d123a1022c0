import { floatAttribute, intAttribute } from "../../../onnx/attributes";
import { Rewriting, type Pass } from "../rewriting";

/** Below this the call for every channel of every image costs more than it saves. */
const fewestPositions = 256;

/**
 * A BatchNormalization that is given mean and variance, both computed in the graph, becomes a depthwise 1×1 Conv with γ r as weights and
 * β − μ γ r as bias: onnxruntime computes it on all threads, and a Relu that follows in the same step.
 */
export const normalizationAsDepthwise: Pass = (model) => {
  const rewriting = new Rewriting(model, "affine");
  for (const node of rewriting.nodes("BatchNormalization")) {
    const [x = "", gamma = "", beta = "", mean = "", variance = ""] = node.inputs;
    const shape = rewriting.shape(x);
    if (intAttribute(node, "training_mode", 0) !== 0 || rewriting.constant(variance) || shape?.length !== 4) continue;
    const [, channels = 1, height = 1, width = 1] = shape;
    if (height * width < fewestPositions || rewriting.info(x)?.dataType !== "float32") continue;
    const { builder } = rewriting;
    rewriting.remove(node);
    const deviation = builder.add("Sqrt", [
      builder.add("Add", [variance, builder.float32(floatAttribute(node, "epsilon", 1e-5))]),
    ]);
    const scale = builder.add("Div", [gamma, deviation]);
    const shift = builder.add("Sub", [beta, builder.add("Mul", [mean, scale])]);
    const weights = builder.add("Reshape", [scale, builder.int64([channels, 1, 1, 1])]);
    builder.add("Conv", [x, weights, shift], { group: channels, kernel_shape: [1, 1] }, node.outputs[0]);
  }
  return rewriting.finish();
};
