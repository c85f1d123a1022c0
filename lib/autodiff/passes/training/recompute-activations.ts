import { isMask } from "../../emission/mask";
import { Rewriting, type Pass } from "../rewriting";

/** What reads an activation in the backward sweep beside its mask: the products of a weight gradient. */
const weightGradientReaders = new Set(["Reshape", "Transpose", "Pad", "Slice"]);

/**
 * Relu(BatchNormalization(x)) is computed again for the backward sweep, where x is kept anyway: one cheap pass over the map for not keeping
 * it. Zero times a number out of the gradient is added to the shift, so that it can neither be computed early nor taken for the first one.
 */
export const recomputeActivations: Pass = (model) => {
  const rewriting = new Rewriting(model, "again");
  for (const relu of rewriting.nodes("Relu")) {
    const [normalised = ""] = relu.inputs;
    const [y = ""] = relu.outputs;
    const normalisation = rewriting.ownProducer(normalised, "BatchNormalization");
    const readers = rewriting.readersOf(y);
    const backward = readers.filter((reader) => isMask(reader) || weightGradientReaders.has(reader.operator));
    const mask = backward.find(isMask);
    const [product] = mask ? rewriting.readersOf(mask.outputs[0] ?? "") : [];
    const [gradient = ""] = product?.inputs ?? [];
    const rank = rewriting.shape(gradient)?.length;
    if (
      !normalisation ||
      product?.operator !== "Mul" ||
      rank !== 4 ||
      backward.length === readers.length ||
      rewriting.constant(normalisation.inputs[4])
    )
      continue;
    const { builder } = rewriting;
    const [x = "", gamma = "", beta = "", ...statistics] = normalisation.inputs;
    const [first, second] = [builder.int64([0, 0, 0, 0]), builder.int64([1, 1, 1, 1])];
    const number = builder.add("Reshape", [builder.add("Slice", [gradient, first, second]), builder.int64([1])]);
    const shift = builder.add("Add", [beta, builder.add("Mul", [number, builder.float32(0)])]);
    const again = builder.add("Relu", [
      builder.add("BatchNormalization", [x, gamma, shift, ...statistics], normalisation.attributes),
    ]);
    for (const reader of backward) rewriting.replaceInput(reader, y, again);
  }
  return rewriting.finish();
};
