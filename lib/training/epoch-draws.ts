import { CounterRandom } from "../random/counter-random";
import { orderStream } from "./augment";
import type { TrainingSettings } from "./training-settings";

/** One turn of a sample in an epoch; `repeat` counts its earlier turns in the same epoch, each of which is seen otherwise. */
export interface Draw {
  readonly sample: number;
  readonly repeat: number;
}

type Sampling = Pick<TrainingSettings, "seed" | "sampling" | "maxPerClass">;

/** Whether classes are drawn otherwise than as often as they occur. */
export function drawsByClass({ sampling, maxPerClass }: Sampling): boolean {
  return sampling === "balanced" || maxPerClass !== undefined;
}

/**
 * Samples of an epoch in their order, a function of (seed, epoch). All of them once; with `maxPerClass` at most so many of a class, others
 * in each epoch; "balanced" draws as many of every class, going through a small class several times.
 * @param labels the class of each sample; only needed where classes are told apart
 */
export function epochDraws(
  settings: Sampling,
  count: number,
  labels: ArrayLike<number> | undefined,
  epoch: number,
): Draw[] {
  const order = new CounterRandom(settings.seed, orderStream, epoch);
  if (!labels || !drawsByClass(settings))
    return order.shuffle(Array.from({ length: count }, (_, sample) => ({ sample, repeat: 0 })));
  const members = membersOf(labels);
  const draws = members.flatMap((samples, label) => {
    const wanted = turnsOf(settings, members, label);
    const drawn: Draw[] = [];
    for (let repeat = 0; drawn.length < wanted && samples.length > 0; repeat++) {
      const random = new CounterRandom(settings.seed, orderStream, epoch, 1 + label + members.length * repeat);
      const turn = random.shuffle([...samples]).slice(0, wanted - drawn.length);
      drawn.push(...turn.map((sample) => ({ sample, repeat })));
    }
    return drawn;
  });
  return order.shuffle(draws);
}

/**
 * What to add to each logit, log(share in the data / share of the draws), so that a network that learned from the draws answers for the
 * data (Menon et al., Long-tail learning via logit adjustment, ICLR 2021, section 3).
 */
export function priorOffsets(settings: Sampling, labels: ArrayLike<number>): number[] {
  const members = membersOf(labels);
  const turns = members.map((_, label) => turnsOf(settings, members, label));
  const all = turns.reduce((sum, number) => sum + number, 0);
  return members.map((samples, label) => Math.log(samples.length / labels.length / ((turns[label] ?? 0) / all)));
}

function turnsOf({ sampling, maxPerClass = Infinity }: Sampling, members: readonly number[][], label: number): number {
  const sizes = members.map(({ length }) => Math.min(length, maxPerClass));
  if (sampling !== "balanced") return sizes[label] ?? 0;
  return Math.round(sizes.reduce((sum, size) => sum + size, 0) / sizes.length);
}

function membersOf(labels: ArrayLike<number>): number[][] {
  const members: number[][] = [];
  for (let sample = 0; sample < labels.length; sample++) {
    const label = labels[sample] ?? 0;
    while (members.length <= label) members.push([]);
    members[label]?.push(sample);
  }
  return members;
}
