import { intAttribute, intsAttribute } from "../../../onnx/attributes";
import type { Node } from "../../../onnx/model";
import { Rewriting, type Pass } from "../rewriting";

/**
 * A convolution of stride 1 to half as many channels or fewer becomes the ConvTranspose with the kernel turned end for end. In the plain
 * layout, which weights that are inputs leave onnxruntime with, a Conv copies every channel of its input once a tap before it multiplies;
 * a ConvTranspose multiplies first and adds up as many copies of the few channels of its output.
 */
export const narrowingConvolutionAsTransposed: Pass = (model) => {
  const rewriting = new Rewriting(model, "narrowing");
  for (const node of rewriting.nodes("Conv")) {
    const pads = transposedPads(rewriting, node);
    if (!pads) continue;
    const [x = "", weights = "", ...bias] = node.inputs;
    rewriting.remove(node);
    rewriting.builder.add("ConvTranspose", [x, turned(rewriting, weights), ...bias], { pads }, node.outputs[0]);
  }
  return rewriting.finish();
};

/** The pads of the ConvTranspose, K − 1 − p on each side, where a convolution is one of those; else undefined. */
function transposedPads(rewriting: Rewriting, node: Node): number[] | undefined {
  const [, name = ""] = node.inputs;
  const [outputs = 0, inputs = 0, ...kernel] = rewriting.shape(name) ?? [];
  const all = (attribute: string): boolean => intsAttribute(node, attribute)?.every((value) => value === 1) ?? true;
  const isPlain =
    rewriting.constant(name) === undefined &&
    intAttribute(node, "group", 1) === 1 &&
    all("strides") &&
    all("dilations") &&
    !node.attributes["auto_pad"];
  if (!isPlain || kernel.length !== 2 || kernel.every((extent) => extent === 1) || 2 * outputs > inputs)
    return undefined;
  const pads = (intsAttribute(node, "pads") ?? [0, 0, 0, 0]).map((pad, side) => (kernel[side % 2] ?? 1) - 1 - pad);
  return pads.every((pad) => pad >= 0) ? pads : undefined;
}

/** Weights [M, C, …] as [C, M, …], every kernel turned end for end: the backward convolution's, where those are there. */
function turned(rewriting: Rewriting, weights: string): string {
  const ints = (name: string | undefined): string =>
    Array.from((rewriting.graph.initializers.get(name ?? "")?.data ?? []) as ArrayLike<number | bigint>, String).join();
  const exchanged = rewriting
    .readersOf(weights)
    .find((node) => node.operator === "Transpose" && intsAttribute(node, "perm")?.join() === "1,0,2,3");
  const known =
    exchanged &&
    rewriting
      .readersOf(exchanged.outputs[0] ?? "")
      .find(
        ({ operator, inputs: [, starts, , axes, steps] }) =>
          operator === "Slice" && ints(starts) === "-1,-1" && ints(axes) === "2,3" && ints(steps) === "-1,-1",
      );
  if (known) return known.outputs[0] ?? "";
  const { builder } = rewriting;
  const last = builder.int64([-1, -1]);
  const transposed = exchanged?.outputs[0] ?? builder.add("Transpose", [weights], { perm: [1, 0, 2, 3] });
  return builder.add("Slice", [transposed, last, builder.int64([-(2 ** 31), -(2 ** 31)]), builder.int64([2, 3]), last]);
}
