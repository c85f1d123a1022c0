/** Scores and labels of a whole set, in its order. `logits` is [samples, classes, …], `labels` [samples, …] with the same trailing extents. */
export interface Scores {
  readonly logits: Float32Array;
  readonly labels: ArrayLike<bigint | number>;
  readonly classes: number;
  /** 1, or the pixels of an image where each has a label. */
  readonly labelsPerSample: number;
}

/** How many labels the highest logit meets. */
export function countCorrect(scores: Scores): number {
  const { logits, classes } = scores;
  let correct = 0;
  forEachLabel(scores, (label, at, stride) => {
    let best = 0;
    for (let index = 1; index < classes; index++)
      if ((logits[at + index * stride] as number) > (logits[at + best * stride] as number)) best = index;
    if (best === label) correct++;
  });
  return correct;
}

/** Mean cross-entropy and accuracy. */
export function summarise(scores: Scores): { loss: number; accuracy: number } {
  const { logits, classes, labels } = scores;
  let loss = 0;
  forEachLabel(scores, (label, at, stride) => {
    let highest = -Infinity,
      sum = 0;
    for (let index = 0; index < classes; index++) highest = Math.max(highest, logits[at + index * stride] as number);
    for (let index = 0; index < classes; index++) sum += Math.exp((logits[at + index * stride] as number) - highest);
    loss += Math.log(sum) + highest - (logits[at + label * stride] as number);
  });
  return { loss: loss / labels.length, accuracy: countCorrect(scores) / labels.length };
}

function forEachLabel(
  { labels, classes, labelsPerSample }: Scores,
  visit: (label: number, at: number, stride: number) => void,
): void {
  for (let position = 0; position < labels.length; position++) {
    const sample = Math.floor(position / labelsPerSample);
    visit(Number(labels[position]), sample * classes * labelsPerSample + (position % labelsPerSample), labelsPerSample);
  }
}
