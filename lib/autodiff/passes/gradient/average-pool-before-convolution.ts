import { intAttribute, intsAttribute } from "../../../onnx/attributes";
import type { Node } from "../../../onnx/model";
import { Rewriting, type Pass } from "../rewriting";

/**
 * 1×1 Conv → AveragePool becomes AveragePool → 1×1 Conv where that shrinks the map: both are linear and act on different
 * axes, and a mean of whole windows leaves a bias as it is. The convolution, and its backward one, then see fewer positions.
 */
export const averagePoolBeforeConvolution: Pass = (model) => {
  const rewriting = new Rewriting(model, "swapped");
  for (const pool of rewriting.nodes("AveragePool")) {
    const convolution = rewriting.ownProducer(pool.inputs[0], "Conv");
    const weights = rewriting.constant(convolution?.inputs[1]);
    if (
      !convolution ||
      !weights ||
      !weights.dims.slice(2).every((extent) => extent === 1) ||
      !isPointwise(convolution) ||
      !averagesWholeWindows(pool)
    )
      continue;
    rewriting.remove(convolution);
    rewriting.remove(pool);
    const pooled = rewriting.builder.add("AveragePool", [convolution.inputs[0] as string], pool.attributes);
    rewriting.builder.add("Conv", [pooled, ...convolution.inputs.slice(1)], convolution.attributes, pool.outputs[0]);
  }
  return rewriting.finish();
};

function averagesWholeWindows(pool: Node): boolean {
  const shrinks = intsAttribute(pool, "strides")?.every((stride) => stride > 1) ?? false;
  const unpadded = intsAttribute(pool, "pads")?.every((pad) => pad === 0) ?? pool.attributes["auto_pad"] === undefined;
  return shrinks && unpadded && intAttribute(pool, "ceil_mode", 0) === 0;
}

function isPointwise(node: Node): boolean {
  const all = (name: string, value: number): boolean =>
    intsAttribute(node, name)?.every((extent) => extent === value) ?? true;
  return all("strides", 1) && all("pads", 0) && all("dilations", 1) && intAttribute(node, "group", 1) === 1;
}
