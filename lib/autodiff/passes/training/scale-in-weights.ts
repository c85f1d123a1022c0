import { intAttribute } from "../../../onnx/attributes";
import type { Node } from "../../../onnx/model";
import { isMask } from "../../emission/mask";
import { Rewriting, type Pass } from "../rewriting";

/** Scales nearer to zero count as this much: what is divided by them below stays within float32. */
const smallest = 1e-20;

/**
 * What comes back through a masked map to a BatchNormalization in training, g = conv(dY, W) · mask, is multiplied by a scale a channel and
 * also summed up as it is. Multiplying the rows of W instead saves a pass over the map; the sums, a number a channel, are divided by the
 * scale again. A scale of zero is taken for 1e-20, so that nothing is lost in the division.
 */
export const scaleInWeights: Pass = (model) => {
  const rewriting = new Rewriting(model, "scaled");
  for (const product of rewriting.nodes("Mul")) {
    const found = scaledMap(rewriting, product);
    if (!found) continue;
    const { convolution, masked, scale, sums } = found;
    const { builder } = rewriting;
    const [gradient = "", weights = ""] = convolution.inputs;
    const channels = rewriting.shape(weights)?.[0] ?? 0;
    const small = builder.add("Less", [builder.add("Abs", [scale]), builder.float32(smallest)]);
    const safe = builder.add("Where", [small, builder.float32(smallest), scale]);
    rewriting.setInputs(convolution, [
      gradient,
      builder.add("Mul", [weights, builder.add("Reshape", [safe, builder.int64([channels, 1, 1, 1])])]),
    ]);
    const [whole = ""] = product.outputs;
    rewriting.remove(product);
    for (const reader of rewriting.readersOf(whole)) rewriting.replaceInput(reader, whole, masked);
    for (const sum of sums) {
      rewriting.remove(sum);
      const scaled = builder.add("ReduceSum", sum.inputs, { keepdims: 0 });
      builder.add("Div", [scaled, builder.add("Reshape", [safe, builder.int64([channels])])], {}, sum.outputs[0]);
    }
  }
  return rewriting.finish();
};

interface ScaledMap {
  readonly convolution: Node;
  /** g, before it is scaled. */
  readonly masked: string;
  /** The scale, [C] or [C, 1, 1]. */
  readonly scale: string;
  /** The sums over batch and positions of g and of its products with other maps. */
  readonly sums: readonly Node[];
}

/** The parts of `product` = g · scale, when everything else that reads g only sums it up; else undefined. */
function scaledMap(rewriting: Rewriting, product: Node): ScaledMap | undefined {
  const [masked = "", scale = ""] = product.inputs;
  const shape = rewriting.shape(masked);
  const [whole = ""] = product.outputs;
  if (shape?.length !== 4 || rewriting.isOutput(masked) || rewriting.isOutput(whole) || rewriting.constant(scale))
    return undefined;
  if (rewriting.shape(scale)?.join() !== [shape[1], 1, 1].join()) return undefined;
  const masking = rewriting.producer(masked);
  if (
    masking?.operator !== "Mul" ||
    !isMask(rewriting.producer(masking.inputs[1])) ||
    rewriting.shape(masking.inputs[1])?.join() !== shape.join()
  )
    return undefined;
  const convolution = rewriting.ownProducer(masking.inputs[0], "Conv");
  if (
    !convolution ||
    convolution.inputs.length !== 2 ||
    rewriting.constant(convolution.inputs[1]) ||
    intAttribute(convolution, "group", 1) !== 1
  )
    return undefined;
  const others = rewriting.readersOf(masked).filter((reader) => reader !== product);
  const sums = others.map((reader) => {
    if (reader.operator !== "Mul") return sumsUp(rewriting, reader) ? reader : undefined;
    const [times = ""] = reader.outputs;
    const [sum] = rewriting.readersOf(times);
    const isMap =
      reader.inputs.every((name) => rewriting.shape(name)?.join() === shape.join()) &&
      reader.inputs[0] !== reader.inputs[1];
    return isMap && sum && rewriting.isReadOnce(times) && sumsUp(rewriting, sum) ? sum : undefined;
  });
  const known = sums.filter((sum) => sum !== undefined);
  return known.length === sums.length ? { convolution, masked, scale, sums: known } : undefined;
}

/** Whether a node adds up everything but the channels. */
function sumsUp(rewriting: Rewriting, node: Node): boolean {
  const axes = Array.from(
    (rewriting.graph.initializers.get(node.inputs[1] ?? "")?.data ?? []) as ArrayLike<bigint>,
    String,
  );
  return node.operator === "ReduceSum" && axes.join() === "0,2,3" && intAttribute(node, "keepdims", 1) === 0;
}
