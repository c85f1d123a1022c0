import { Rewriting, type Pass } from "./rewriting";

/**
 * Relu → MaxPool becomes MaxPool → Relu: the largest positive part is the positive part of the largest, and its first place
 * is the same wherever a gradient passes. The Relu and its mask then work on the smaller map.
 * Only for true gradients: guided rules cut what comes back from each window together, and would cut it apart.
 */
export const maxPoolBeforeRelu: Pass = (model) => {
  const rewriting = new Rewriting(model, "swapped");
  for (const pool of rewriting.nodes("MaxPool")) {
    const relu = rewriting.ownProducer(pool.inputs[0], "Relu");
    if (!relu || pool.outputs.length > 1) continue;
    rewriting.remove(relu);
    rewriting.remove(pool);
    const pooled = rewriting.builder.add("MaxPool", [relu.inputs[0] as string], pool.attributes);
    rewriting.builder.add("Relu", [pooled], {}, pool.outputs[0]);
  }
  return rewriting.finish();
};
