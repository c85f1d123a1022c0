import type { Model } from "../../../onnx/model";
import { absorbScales } from "./absorb-scales";
import { anchorLayout } from "./anchor-layout";
import { anchorSlopes } from "./anchor-slopes";
import { averagePoolBeforeConvolution } from "./average-pool-before-convolution";
import { channelAffineAsConvolution } from "./channel-affine-as-convolution";
import { foldBatchNormalization } from "./fold-batch-normalization";
import { fullResizeSizes } from "./full-resize-sizes";
import { maxPoolBeforeRelu } from "../max-pool-before-relu";
import { applyPasses, type Pass } from "../rewriting";
import { sinkConcat } from "./sink-concat";
import { splitConvolution } from "./split-convolution";

/** Counts up whenever a pass or a rule may produce another graph: gradient graphs cached before are not used again. */
export const passesVersion = 8;

/** Passes over a network about to be differentiated, valid whatever the gradient rules. In this order. */
const forwardPasses: readonly Pass[] = [foldBatchNormalization, averagePoolBeforeConvolution, sinkConcat];
/** Passes that keep the true gradient only. */
const forwardPassesForTrueGradients: readonly Pass[] = [maxPoolBeforeRelu];
const gradientPasses: readonly Pass[] = [
  splitConvolution,
  absorbScales,
  fullResizeSizes,
  channelAffineAsConvolution,
  anchorSlopes,
  anchorLayout,
];

/**
 * Rewrites a network so that its gradient will be cheap. The batch may be open; where other extents are not known, passes that
 * need them do nothing. Outputs keep names and values (up to rounding).
 * @param rule what will be taken: the true gradient, one with other rules for Relu, or mean gradients along segments
 */
export function prepareForGradient(model: Model, rule: "true" | "guided" | "deconvnet" | "segments"): Model {
  return applyPasses(
    model,
    rule === "true" || rule === "segments" ? [...forwardPasses, ...forwardPassesForTrueGradients] : forwardPasses,
  );
}

/** Rewrites a finished gradient graph of fixed shapes for speed. Outputs keep names and values (up to rounding). */
export function optimizeGradient(model: Model): Model {
  return applyPasses(model, gradientPasses);
}
