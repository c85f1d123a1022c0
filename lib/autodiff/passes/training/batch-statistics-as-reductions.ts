import { givesBatchStatistics } from "./share-batch-statistics";
import { Rewriting, type Pass } from "../rewriting";

/**
 * A BatchNormalization in training of which only mean and variance are used becomes the means that it takes: onnxruntime computes the
 * operator on one thread, and the means on all.
 */
export const batchStatisticsAsReductions: Pass = (model) => {
  const rewriting = new Rewriting(model, "moments");
  for (const node of rewriting.nodes("BatchNormalization")) {
    const [x = ""] = node.inputs;
    const [y = "", mean, variance] = node.outputs;
    const shape = rewriting.shape(x);
    if (!givesBatchStatistics(node) || !shape || rewriting.isOutput(y) || rewriting.readersOf(y).length > 0) continue;
    const { builder } = rewriting;
    rewriting.remove(node);
    const axes = builder.int64(shape.flatMap((_, axis) => (axis === 1 ? [] : [axis])));
    const count = shape.reduce((product, extent) => product * extent, 1) / (shape[1] ?? 1);
    builder.add("ReduceMean", [x, axes], { keepdims: 0 }, mean);
    const centred = builder.add("Sub", [
      x,
      builder.add("Reshape", [mean ?? "", builder.int64([-1, ...shape.slice(2).map(() => 1)])]),
    ]);
    const squares = builder.add("ReduceSum", [builder.add("Mul", [centred, centred]), axes], { keepdims: 0 });
    builder.add("Div", [squares, builder.float32(count)], {}, variance);
  }
  return rewriting.finish();
};
