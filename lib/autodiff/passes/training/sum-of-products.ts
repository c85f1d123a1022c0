import { intAttribute } from "../../../onnx/attributes";
import { Rewriting, type Pass } from "../rewriting";

/** Positions that make a scalar product worth its call. */
const fewestPositions = 256;

/**
 * Σ a · b over batch and positions, a channel each, becomes a scalar product for each map and the sum of those: the product of the
 * maps is never written.
 */
export const sumOfProducts: Pass = (model) => {
  const rewriting = new Rewriting(model, "dot");
  for (const sum of rewriting.nodes("ReduceSum")) {
    const product = rewriting.ownProducer(sum.inputs[0], "Mul");
    const [a = "", b = ""] = product?.inputs ?? [];
    const shape = rewriting.shape(a);
    const axes = Array.from(
      (rewriting.graph.initializers.get(sum.inputs[1] ?? "")?.data ?? []) as ArrayLike<bigint>,
      Number,
    );
    if (
      !product ||
      shape?.length !== 4 ||
      rewriting.shape(b)?.join() !== shape.join() ||
      axes.join() !== "0,2,3" ||
      intAttribute(sum, "keepdims", 1) !== 0
    )
      continue;
    const [batch = 1, channels = 1, height = 1, width = 1] = shape;
    if (height * width < fewestPositions) continue;
    const { builder } = rewriting;
    rewriting.remove(product);
    rewriting.remove(sum);
    const flat = (value: string): string =>
      builder.add("Reshape", [value, builder.int64([batch * channels, 1, height * width])]);
    const dots = builder.add("MatMul", [flat(a), builder.add("Transpose", [flat(b)], { perm: [0, 2, 1] })]);
    const byImage = builder.add("Reshape", [dots, builder.int64([batch, channels])]);
    builder.add("ReduceSum", [byImage, builder.int64([0])], { keepdims: 0 }, sum.outputs[0]);
  }
  return rewriting.finish();
};
