import { NegativeLogLikelihood } from "../emission/negative-log-likelihood";
import type { GradientRule } from "../gradient-rule";

/** The negative log-likelihood of target classes, from log-probabilities. */
export const negativeLogLikelihoodLossGradient: GradientRule = (context, [dy]) => {
  if (!dy) return [];
  const loss = new NegativeLogLikelihood(context, dy);
  return [
    loss.gradientOfLogProbabilities(),
    undefined,
    context.needs(2) ? loss.gradientOfWeights(context.input(0)) : undefined,
  ];
};
