import type { Model } from "../../../onnx/model";
import { batchStatisticsAsReductions } from "./batch-statistics-as-reductions";
import { depthwiseAsProducts } from "./depthwise-as-products";
import { maxPoolBeforeRelu } from "../max-pool-before-relu";
import { narrowingConvolutionAsTransposed } from "./narrowing-convolution-as-transposed";
import { normalizationAsDepthwise } from "./normalization-as-depthwise";
import { applyPasses, type Pass } from "../rewriting";
import { recomputeActivations } from "./recompute-activations";
import { scaleInWeights } from "./scale-in-weights";
import { shareBatchStatistics } from "./share-batch-statistics";
import { stridedConvolutionOfBlocks } from "./strided-convolution-of-blocks";
import { sumOfProducts } from "./sum-of-products";
import { sumOfVectors } from "./sum-of-vectors";

const forwardPasses: readonly Pass[] = [
  stridedConvolutionOfBlocks,
  depthwiseAsProducts,
  maxPoolBeforeRelu,
  shareBatchStatistics,
];
const finishedPasses: readonly Pass[] = [
  narrowingConvolutionAsTransposed,
  batchStatisticsAsReductions,
  scaleInWeights,
  sumOfProducts,
  sumOfVectors,
  recomputeActivations,
  normalizationAsDepthwise,
];

/** Rewrites a network in training mode so that the gradient of its weights will be cheap. Outputs keep names and values (up to rounding). */
export function prepareForTraining(model: Model): Model {
  return applyPasses(model, forwardPasses);
}

/**
 * Rewrites a finished graph of loss and gradients for speed, where its shapes are known. The weights are inputs, so nothing is folded into
 * them, and onnxruntime computes in the plain layout: other forms are fast than in a gradient graph with constant weights.
 */
export function optimizeTraining(model: Model): Model {
  return applyPasses(model, finishedPasses);
}
