import type { NetworkDefinition } from "../networks/network";
import type { Tensor } from "../onnx/model";
import { countCorrect, type Scores } from "./scores";

/** 1 / T is looked for between 1 / 100 and 100. */
const widest = 100;

/**
 * The temperature T by which logits are divided so that the mean cross-entropy of softmax(logits / T) is least (Guo et al., On
 * calibration of modern neural networks, ICML 2017). The loss is convex in 1 / T: its slope is bisected. Where every
 * label is met, surer would always seem better, and nothing can be learned about how sure to be: then T is 1.
 */
export function temperatureOf(scores: Scores): number {
  if (countCorrect(scores) === scores.labels.length) return 1;
  let [low, high] = [-Math.log(widest), Math.log(widest)];
  for (let round = 0; round < 60; round++) {
    const middle = (low + high) / 2;
    if (slopeAt(scores, Math.exp(middle)) > 0) high = middle;
    else low = middle;
  }
  return Math.exp(-(low + high) / 2);
}

/** d/dβ Σ CE(softmax(β z), label) = Σ (E_softmax[z] − z_label). */
function slopeAt({ logits, labels, classes, labelsPerSample }: Scores, inverse: number): number {
  let slope = 0;
  for (let position = 0; position < labels.length; position++) {
    const start = Math.floor(position / labelsPerSample) * classes * labelsPerSample + (position % labelsPerSample);
    const logit = (index: number): number => logits[start + index * labelsPerSample] as number;
    let highest = -Infinity,
      sum = 0,
      mean = 0;
    for (let index = 0; index < classes; index++) highest = Math.max(highest, logit(index));
    for (let index = 0; index < classes; index++) {
      const weight = Math.exp(inverse * (logit(index) - highest));
      sum += weight;
      mean += weight * logit(index);
    }
    slope += mean / sum - logit(Number(labels[position]));
  }
  return slope;
}

/** The same network with logits divided by a temperature: its head is affine, so the head's weights and biases are. */
export function atTemperature(
  network: NetworkDefinition,
  weights: ReadonlyMap<string, Tensor>,
  temperature: number,
): ReadonlyMap<string, Tensor> {
  const heads = new Set(network.parameters.filter(({ head }) => head).map(({ name }) => name));
  return new Map(
    [...weights].map(([name, tensor]) => [
      name,
      heads.has(name) ? { ...tensor, data: (tensor.data as Float32Array).map((value) => value / temperature) } : tensor,
    ]),
  );
}
