import { createHash } from "node:crypto";
import { compareKeys } from "../contract/names";
import type { Outcome } from "../contract/outcome";

/** Why an image is among those a report shows. */
export type Reason = "failed" | "least certain" | "least complete" | "sample";

export interface Chosen {
  readonly outcome: Outcome;
  readonly reason: Reason;
}

export interface Choice {
  readonly chosen: readonly Chosen[];
  /** Succeeded and failed images that are not shown. */
  readonly leftOut: number;
}

/** Images with pictures in a report; more would not load well, and the table is complete. */
export const mostImages = 500;

/**
 * Up to `most` images of a batch, holding no more than that in memory however long the batch: failures (at most a
 * fifth), the least certain (a fifth), the least complete (a fifth), and a sample for the rest. The sample is by a hash
 * of the key and a seed, so a batch gives the same report every time. In key order; skipped images are not shown.
 */
export async function chooseImages(
  rows: AsyncIterable<{ readonly outcome: Outcome }>,
  most = mostImages,
  seed = 0,
): Promise<Choice> {
  const part = Math.max(1, Math.floor(most / 5));
  const failed = new Lowest(part, ({ key }) => randomRank(key, seed));
  const uncertain = new Lowest(part, (outcome) => (outcome.status === "succeeded" ? outcome.probability : 1));
  const incomplete = new Lowest(part, (outcome) => -incompleteness(outcome));
  const sample = new Lowest(most, ({ key }) => randomRank(key, seed));
  let shown = 0;
  for await (const { outcome } of rows) {
    if (outcome.status === "skipped") continue;
    shown++;
    if (outcome.status === "failed") failed.offer(outcome);
    else {
      uncertain.offer(outcome);
      if (incompleteness(outcome) > 0) incomplete.offer(outcome);
    }
    sample.offer(outcome);
  }
  const chosen = new Map<string, Chosen>();
  const everything = shown <= most;
  const groups: [Reason, Lowest][] = everything
    ? [["sample", sample]]
    : [
        ["failed", failed],
        ["least certain", uncertain],
        ["least complete", incomplete],
        ["sample", sample],
      ];
  for (const [reason, group] of groups) {
    for (const outcome of group.outcomes()) {
      if (chosen.size < most && !chosen.has(outcome.key))
        chosen.set(outcome.key, { outcome, reason: outcome.status === "failed" ? "failed" : reason });
    }
  }
  const inKeyOrder = [...chosen.values()].sort((one, other) => compareKeys(one.outcome.key, other.outcome.key));
  return { chosen: inKeyOrder, leftOut: shown - chosen.size };
}

/** How much an image's explanations leave open: the largest relative completeness error, and more for one that has not converged. */
export function incompleteness(outcome: Outcome): number {
  if (outcome.status !== "succeeded") return 0;
  return Math.max(
    0,
    ...outcome.explanations.map(({ relative, converged }) => (relative ?? 0) + (converged === false ? 1000 : 0)),
  );
}

function randomRank(key: string, seed: number): number {
  return createHash("sha256").update(`${seed} ${key}`).digest().readUIntBE(0, 6);
}

/** Keeps the outcomes of lowest rank, in rank order. */
class Lowest {
  readonly #most: number;
  readonly #rank: (outcome: Outcome) => number;
  readonly #kept: { readonly rank: number; readonly outcome: Outcome }[] = [];

  constructor(most: number, rank: (outcome: Outcome) => number) {
    this.#most = most;
    this.#rank = rank;
  }

  offer(outcome: Outcome): void {
    const rank = this.#rank(outcome);
    if (this.#kept.length >= this.#most && rank >= (this.#kept.at(-1)?.rank ?? Infinity)) return;
    let [low, high] = [0, this.#kept.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#kept[middle]?.rank ?? 0) <= rank) low = middle + 1;
      else high = middle;
    }
    this.#kept.splice(low, 0, { rank, outcome });
    if (this.#kept.length > this.#most) this.#kept.pop();
  }

  outcomes(): Outcome[] {
    return this.#kept.map(({ outcome }) => outcome);
  }
}
