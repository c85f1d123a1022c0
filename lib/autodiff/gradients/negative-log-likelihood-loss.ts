import { gradientOfLogProbabilities } from "../emission/negative-log-likelihood";
import { unaryRule } from "../gradient-rule";

/** The negative log-likelihood of target classes, from log-probabilities. */
export const negativeLogLikelihoodLossGradient = unaryRule(gradientOfLogProbabilities);
