/**
 * What a model's scores can be, in model cards, in `loadModel`'s options and on the command line.
 *
 * @example
 * ```ts
 * import { headNames } from "cytolens";
 *
 * console.log(headNames.includes("sigmoid")); // true
 * ```
 */
export const headNames = ["softmax", "probabilities", "sigmoid", "multi-label"] as const;

/**
 * What turns a model's scores into probabilities.
 * - "softmax": a logit for each of several classes of which one is right.
 * - "probabilities": the output holds probabilities that sum to 1, or of two classes that of the second, and no logits
 *   are to be had: the logarithms of the probabilities stand for them.
 * - "sigmoid": one logit z for two classes: the second has the probability σ(z), the first σ(−z).
 * - "multi-label": a logit for each of several classes of which none, one or more are right.
 *
 * @example
 * ```ts
 * import { loadModel, type Head } from "cytolens";
 *
 * const model = await loadModel("model.onnx");
 * const head: Head = model.head;
 * console.log(head); // softmax
 * await model.close();
 * ```
 */
export type Head = (typeof headNames)[number];

/** From this probability on, a class of a multi-label model counts as present, unless its card says otherwise. */
export const usualThreshold = 0.5;
