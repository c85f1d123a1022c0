import { intAttribute, intsAttribute } from "../../../onnx/attributes";
import type { Node } from "../../../onnx/model";
import { Rewriting, type Pass } from "../rewriting";

/** Beyond this many channels the slices of a strided convolution are long enough. */
const mostChannels = 4;

/**
 * A convolution that strides over an image of a few channels becomes SpaceToDepth and a convolution of stride 1: blocks of s × s pixels are
 * one pixel of s² times the channels, and ⌈K / s⌉ of them cover the kernel, filled up with zeros. The weight gradient then multiplies whole
 * rows of the image instead of every second pixel. For networks about to be differentiated with respect to their weights.
 */
export const stridedConvolutionOfBlocks: Pass = (model) => {
  const rewriting = new Rewriting(model, "blocks");
  for (const node of rewriting.nodes("Conv")) {
    const form = formOf(rewriting, node);
    if (!form) continue;
    const {
      stride,
      kernel,
      covered,
      begin,
      end,
      dims: [outputs, channels],
    } = form;
    const { builder } = rewriting;
    const [x = "", weights = "", ...bias] = node.inputs;
    rewriting.remove(node);
    const padded = builder.add("Pad", [x, builder.int64([0, 0, ...begin, 0, 0, ...end])]);
    const image = builder.add("SpaceToDepth", [padded], { blocksize: stride });
    const filled = builder.add("Pad", [
      weights,
      builder.int64([0, 0, 0, 0, 0, 0, ...kernel.map((extent, axis) => (covered[axis] ?? 0) * stride - extent)]),
    ]);
    const [rows = 1, columns = 1] = covered;
    const cut = builder.add("Reshape", [filled, builder.int64([outputs, channels, rows, stride, columns, stride])]);
    // SpaceToDepth counts row in the block, column in the block, channel.
    const ordered = builder.add("Transpose", [cut], { perm: [0, 3, 5, 1, 2, 4] });
    const blocks = builder.add("Reshape", [
      ordered,
      builder.int64([outputs, channels * stride * stride, rows, columns]),
    ]);
    builder.add("Conv", [image, blocks, ...bias], { kernel_shape: covered }, node.outputs[0]);
  }
  return rewriting.finish();
};

interface Form {
  readonly stride: number;
  readonly kernel: readonly number[];
  /** Blocks that cover the kernel, an axis. */
  readonly covered: readonly number[];
  readonly begin: readonly number[];
  readonly end: readonly number[];
  readonly dims: readonly [outputs: number, channels: number];
}

/** What is needed of a convolution of two spatial axes that this can be done to, else undefined. */
function formOf(rewriting: Rewriting, node: Node): Form | undefined {
  const [outputs, channels, ...kernel] =
    rewriting.constant(node.inputs[1])?.dims ?? rewriting.shape(node.inputs[1]) ?? [];
  const [stride = 1, other] = intsAttribute(node, "strides") ?? [];
  const extents = rewriting.info(node.inputs[0])?.shape?.slice(2) ?? [];
  const pads = intsAttribute(node, "pads") ?? [0, 0, 0, 0];
  const dilated = intsAttribute(node, "dilations")?.some((dilation) => dilation !== 1) ?? false;
  if (
    outputs === undefined ||
    channels === undefined ||
    kernel.length !== 2 ||
    stride < 2 ||
    other !== stride ||
    dilated
  )
    return undefined;
  if (
    channels > mostChannels ||
    intAttribute(node, "group", 1) !== 1 ||
    node.attributes["auto_pad"] ||
    !kernel.some((extent) => extent > stride)
  )
    return undefined;
  const covered = kernel.map((extent) => Math.ceil(extent / stride));
  const begin = pads.slice(0, 2);
  const end = extents.map((extent, axis) => {
    if (typeof extent !== "number") return Number.NaN;
    const padded = extent + (begin[axis] ?? 0) + (pads[axis + 2] ?? 0);
    const steps = Math.floor((padded - (kernel[axis] ?? 1)) / stride) + 1;
    // What the last step sees; where more was there, it was not seen before either.
    return (steps - 1 + (covered[axis] ?? 1)) * stride - extent - (begin[axis] ?? 0);
  });
  return end.every(Number.isFinite) && end.length === 2
    ? { stride, kernel, covered, begin, end, dims: [outputs, channels] }
    : undefined;
}
