import { CounterRandom } from "../random/counter-random";
import { mixStream, streamAt } from "./augment";
import type { Batch, SampleRequest } from "./sample-source";

/** A batch whose images are mixed with others of it; the targets are to be mixed alike. */
export interface MixedBatch {
  readonly input: Float32Array;
  /** Of the image mixed in, for each image. */
  readonly otherLabels: BigInt64Array;
  /** How much of an image is its own, at least half. */
  readonly shares: Float32Array;
}

/**
 * Mixup (Zhang et al., mixup: beyond empirical risk minimization, ICLR 2018): λ x + (1 − λ) of the next image of the batch, λ from
 * Beta(α, α) and taken so that the image itself prevails. λ is a function of (seed, epoch, sample).
 */
export function mixBatch(batch: Batch, draws: readonly SampleRequest[], alpha: number, seed: number): MixedBatch {
  const size = batch.input.length / batch.count;
  const input = new Float32Array(batch.input.length),
    shares = new Float32Array(batch.count);
  draws.forEach(({ sample, epoch = 0, repeat = 0 }, position) => {
    const drawn = symmetricBeta(new CounterRandom(seed, streamAt(mixStream, 0, repeat), epoch, sample), alpha);
    const share = Math.max(drawn, 1 - drawn);
    const own = position * size,
      other = ((position + 1) % batch.count) * size;
    for (let at = 0; at < size; at++)
      input[own + at] = share * (batch.input[own + at] as number) + (1 - share) * (batch.input[other + at] as number);
    shares[position] = share;
  });
  const otherLabels = batch.labels.map((_, position) => batch.labels[(position + 1) % batch.count] ?? 0n);
  return { input, otherLabels, shares };
}

/** Beta(α, α) for α up to 1 (Jöhnk, 1964): u^(1/α) / (u^(1/α) + v^(1/α)) of the first pair whose sum is at most 1. */
function symmetricBeta(random: CounterRandom, alpha: number): number {
  for (;;) {
    const u = random.uniform() ** (1 / alpha),
      v = random.uniform() ** (1 / alpha);
    if (u + v > 0 && u + v <= 1) return u / (u + v);
  }
}
