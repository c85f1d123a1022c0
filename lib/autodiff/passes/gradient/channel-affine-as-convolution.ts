import type { Node } from "../../../onnx/model";
import { Rewriting, type Pass } from "../rewriting";
import { channelFactors } from "./channel-factors";
import { affineOf, type Affine } from "./fold-batch-normalization";

/**
 * What multiplies and adds a constant a channel (BatchNormalization that no convolution took in, 1 − y of a sigmoid's
 * derivative) becomes a depthwise 1×1 Conv, which onnxruntime computes inside its blocked layout; the others would leave
 * it and come back.
 */
export const channelAffineAsConvolution: Pass = (model) => {
  const rewriting = new Rewriting(model, "depthwise");
  for (const node of rewriting.nodes()) {
    const found = channelAffine(rewriting, node);
    if (!found) continue;
    const {
      value,
      affine: { scale, shift },
    } = found;
    const inputs = [value, rewriting.weights(Float32Array.from(scale), [scale.length, 1, 1, 1], "scale")];
    if (shift.some((summand) => summand !== 0))
      inputs.push(rewriting.weights(Float32Array.from(shift), [shift.length], "shift"));
    rewriting.remove(node);
    rewriting.builder.add("Conv", inputs, { group: scale.length, kernel_shape: [1, 1] }, node.outputs[0]);
  }
  return rewriting.finish();
};

/** The value and what is done to it, of a node that does y = scale · x + shift on a map of many channels. */
function channelAffine(rewriting: Rewriting, node: Node): { value: string; affine: Affine } | undefined {
  const [first = "", second = ""] = node.inputs;
  if (node.domain !== "" || rewriting.info(node.outputs[0])?.dataType !== "float32") return undefined;
  if (node.operator === "BatchNormalization") {
    const affine = isMap(rewriting, first) ? affineOf(rewriting, node) : undefined;
    return affine && { value: first, affine };
  }
  if (node.operator !== "Mul" && node.operator !== "Add" && node.operator !== "Sub") return undefined;
  for (const [value, constant, sign] of [
    [first, second, 1],
    [second, first, -1],
  ] as const) {
    const channels = isMap(rewriting, value) ? rewriting.shape(value)?.[1] : undefined;
    const numbers = channels === undefined ? undefined : channelFactors(rewriting.constant(constant), channels);
    if (!numbers || channels === undefined) continue;
    const all = (number: number): Float64Array => new Float64Array(channels).fill(number);
    if (node.operator === "Mul") return { value, affine: { scale: Float64Array.from(numbers), shift: all(0) } };
    if (node.operator === "Add") return { value, affine: { scale: all(1), shift: Float64Array.from(numbers) } };
    // x − c, or c − x
    return { value, affine: { scale: all(sign), shift: Float64Array.from(numbers, (number) => -sign * number) } };
  }
  return undefined;
}

/** Whether a value is a feature map that a blocked layout is used for, and not a handful of numbers. */
function isMap(rewriting: Rewriting, value: string): boolean {
  const shape = rewriting.shape(value) ?? [];
  const [, channels = 0, height = 0, width = 0] = shape;
  return shape.length === 4 && channels % 4 === 0 && height * width > 1 && !rewriting.constant(value);
}
