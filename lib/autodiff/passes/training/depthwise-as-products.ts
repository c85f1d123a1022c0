import { intAttribute, intsAttribute } from "../../../onnx/attributes";
import type { Node } from "../../../onnx/model";
import { Rewriting, type Pass } from "../rewriting";
import { depthwiseOf, positionsOf, stepsOf, tapsOf, visibleTaps } from "./depthwise-form";

/**
 * A depthwise convolution of small maps becomes a product of matrices for each channel: y [N, Ho·Wo] = x [N, H·W] · T, where T holds the
 * kernel's values at the positions that each output sees, T = W [C, taps] · E, E of zeros and ones. The gradients are products too.
 * Convolutions one channel at a time over few positions spend their time elsewhere than in multiplying.
 *
 * The products take channels first, [C, N, H·W]. So that nothing is moved between them, the layers in between compute on [1, C, N, H·W],
 * one image with a row for each of the batch: pointwise convolutions (which then are one product for the whole batch), normalisation and
 * what works element by element mean the same there. For networks about to be differentiated with respect to their weights, with every
 * extent known.
 */
export const depthwiseAsProducts: Pass = (model) => {
  const rewriting = new Rewriting(model, "depthwise");
  const layers = new ChannelsFirst(rewriting);
  const nodes = rewriting.nodes();
  for (const node of nodes) if (depthwiseOf(rewriting, node)) layers.enterBefore(node);
  for (const node of nodes) layers.visit(node);
  layers.leave(model.graph.outputs.map(({ name }) => name));
  return rewriting.finish();
};

const perImage = new Set(["Clip", "Relu"]);

/** Values of the network that are (also) there as [1, C, N, H·W]. */
class ChannelsFirst {
  private readonly forms = new Map<string, string>();
  /** Values [N, C, H, W] that are to be brought to the other form as soon as they are read. */
  private readonly entries = new Set<string>();
  /** Those of the forms whose value is there as it was, too. */
  private readonly usual = new Set<string>();
  private readonly taps = new Map<string, string>();

  constructor(private readonly rewriting: Rewriting) {}

  /** Marks where the other form begins for a depthwise convolution: before the pointwise convolution that widens its input. */
  enterBefore(node: Node): void {
    let value = node.inputs[0] ?? "";
    for (let layer = this.rewriting.producer(value); layer && isLayer(layer); layer = this.rewriting.producer(value))
      value = layer.inputs[0] ?? "";
    this.entries.add(value);
  }

  visit(node: Node): void {
    const [x = "", second = ""] = node.inputs;
    const [output = ""] = node.outputs;
    if (node.operator === "Add") {
      if (this.forms.has(x) || this.forms.has(second))
        this.replace(
          node,
          node.inputs.map((name) => this.formOf(name)),
        );
      return;
    }
    if (!this.forms.has(x) && !this.entries.has(x)) {
      this.leave(node.inputs);
      return;
    }
    const isBranch = node.operator === "Mul" && this.isMask(second, x);
    if (depthwiseOf(this.rewriting, node)) this.multiply(node);
    else if (isLayer(node)) this.replace(node, [this.formOf(x), ...node.inputs.slice(1)]);
    else if (isBranch) this.replace(node, [this.formOf(x), this.rowMask(second)]);
    else if (node.operator === "GlobalAveragePool" && this.forms.has(x)) {
      const { builder } = this.rewriting;
      this.rewriting.remove(node);
      const means = builder.add("ReduceMean", [this.formOf(x), builder.int64([3])]);
      builder.add("Transpose", [means], { perm: [2, 1, 0, 3] }, output);
    } else this.leave(node.inputs);
  }

  /** The same node on the other form. */
  private replace(node: Node, inputs: readonly string[]): void {
    const { builder, graph } = this.rewriting;
    const [output = "", ...others] = node.outputs;
    this.rewriting.remove(node);
    const form = builder.freshName(output);
    graph.nodes.push({ ...node, name: `${form}/node`, inputs: [...inputs], outputs: [form, ...others] });
    this.forms.set(output, form);
  }

  private multiply(node: Node): void {
    const form = depthwiseOf(this.rewriting, node);
    if (!form) return;
    const { builder } = this.rewriting;
    const { batch, channels } = form;
    const [positions, steps, taps] = [positionsOf(form), stepsOf(form), tapsOf(form)];
    const [x = "", weights = ""] = node.inputs;
    const key = JSON.stringify({ ...form, batch: 0, channels: 0 });
    const visible = this.taps.get(key) ?? this.rewriting.weights(visibleTaps(form), [taps, positions * steps], "taps");
    this.taps.set(key, visible);
    this.rewriting.remove(node);
    const flat = builder.add("Reshape", [weights, builder.int64([channels, taps])]);
    const product = builder.add("MatMul", [flat, visible]);
    const matrix = builder.add("Reshape", [product, builder.int64([channels, positions, steps])]);
    const images = builder.add("Reshape", [this.formOf(x), builder.int64([channels, batch, positions])]);
    const convolved = builder.add("MatMul", [images, matrix]);
    this.forms.set(
      node.outputs[0] ?? "",
      builder.add("Reshape", [convolved, builder.int64([1, channels, batch, steps])]),
    );
  }

  private formOf(value: string): string {
    const known = this.forms.get(value);
    if (known !== undefined) return known;
    const { builder } = this.rewriting;
    const [batch = 1, channels = 1, ...extents] = this.rewriting.shape(value) ?? [];
    const positions = extents.reduce((count, extent) => count * extent, 1);
    const form = builder.add("Reshape", [
      builder.add("Transpose", [value], { perm: [1, 0, 2, 3] }),
      builder.int64([1, channels, batch, positions]),
    ]);
    this.forms.set(value, form);
    this.usual.add(value);
    return form;
  }

  /** Gives back, under their own names, values that are read in the usual form although only the other one is there. */
  leave(values: readonly string[]): void {
    const { builder } = this.rewriting;
    for (const value of new Set(values)) {
      const form = this.forms.get(value);
      if (form === undefined || this.usual.has(value)) continue;
      this.usual.add(value);
      const [batch = 1, channels = 1, ...extents] = this.rewriting.shape(value) ?? [];
      const images = builder.add("Reshape", [form, builder.int64([channels, batch, ...extents])]);
      builder.add("Transpose", [images], { perm: [1, 0, 2, 3] }, value);
    }
  }

  /** A factor for each image of the batch. */
  private isMask(mask: string, x: string): boolean {
    const [batch] = this.rewriting.shape(x) ?? [];
    const shape = this.rewriting.constant(mask)?.dims ?? this.rewriting.shape(mask) ?? [];
    return shape.length === 4 && shape[0] === batch && shape.slice(1).every((extent) => extent === 1);
  }

  private rowMask(mask: string): string {
    const { builder } = this.rewriting;
    return builder.add("Reshape", [mask, builder.int64([1, 1, -1, 1])]);
  }
}

/** Whether a node means the same on [1, C, N, H·W]. */
function isLayer(node: Node): boolean {
  if (node.domain !== "") return false;
  return (
    perImage.has(node.operator) ||
    node.operator === "BatchNormalization" ||
    (node.operator === "Conv" && isPointwise(node))
  );
}

/** A convolution that sees one position at a time. */
function isPointwise(node: Node): boolean {
  const all = (name: string, value: number): boolean =>
    intsAttribute(node, name)?.every((extent) => extent === value) ?? true;
  const isSingleTap = intsAttribute(node, "kernel_shape")?.every((extent) => extent === 1) ?? false;
  return isSingleTap && all("strides", 1) && all("pads", 0) && intAttribute(node, "group", 1) === 1;
}
