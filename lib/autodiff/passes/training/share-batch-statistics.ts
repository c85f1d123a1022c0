import { floatAttribute, intAttribute, float } from "../../../onnx/attributes";
import type { Node } from "../../../onnx/model";
import { Rewriting, type Pass } from "../rewriting";

/**
 * BatchNormalization in training becomes one that is given mean and variance, and a node that finds those: of each input of a Concat by
 * itself, once for all layers that see it, as in a dense block. Backward, what flows through the statistics then arrives at each input
 * summed up over those layers, as two numbers a channel. For fixed shapes and momentum 0, where mean and variance are outputs;
 * `batchStatisticsAsReductions` finishes what this begins, after differentiation.
 */
export const shareBatchStatistics: Pass = (model) => {
  const rewriting = new Rewriting(model, "statistics");
  const known = new Map<string, Statistics>();
  for (const node of rewriting.nodes("BatchNormalization")) {
    const [x = "", gamma = "", beta = ""] = node.inputs;
    const [y = "", mean = "", variance = ""] = node.outputs;
    const concat = rewriting.producer(x);
    const parts = concat?.operator === "Concat" && intAttribute(concat, "axis", 0) === 1 ? concat.inputs : [x];
    if (!givesBatchStatistics(node) || !parts.every((part) => rewriting.shape(part))) continue;
    rewriting.remove(node);
    const found = parts.map((part) => {
      const statistics = known.get(part) ?? statisticsOf(rewriting, part);
      known.set(part, statistics);
      return statistics;
    });
    joined(
      rewriting,
      found.map((statistics) => statistics.mean),
      mean,
    );
    joined(
      rewriting,
      found.map((statistics) => statistics.variance),
      variance,
    );
    rewriting.builder.add(
      "BatchNormalization",
      [x, gamma, beta, mean, variance],
      { epsilon: float(floatAttribute(node, "epsilon", 1e-5)) },
      y,
    );
  }
  return rewriting.finish();
};

/** Names of vectors, an entry a channel. */
interface Statistics {
  readonly mean: string;
  readonly variance: string;
}

/** Whether outputs 1 and 2 are mean and variance of the batch and nothing else. */
export function givesBatchStatistics(node: Node): boolean {
  return (
    intAttribute(node, "training_mode", 0) === 1 &&
    node.outputs.length === 3 &&
    floatAttribute(node, "momentum", 0.9) === 0
  );
}

function statisticsOf(rewriting: Rewriting, x: string): Statistics {
  const channels = rewriting.shape(x)?.[1] ?? 0;
  const vector = (value: number): string =>
    rewriting.weights(new Float32Array(channels).fill(value), [channels], "unused");
  const [, mean = "", variance = ""] = rewriting.builder.addMany(
    "BatchNormalization",
    [x, vector(1), vector(0), vector(0), vector(1)],
    3,
    { training_mode: 1, momentum: float(0) },
  );
  return { mean, variance };
}

function joined(rewriting: Rewriting, vectors: readonly string[], output: string): void {
  if (vectors.length === 1) rewriting.builder.add("Identity", vectors, {}, output);
  else rewriting.builder.add("Concat", vectors, { axis: 0 }, output);
}
