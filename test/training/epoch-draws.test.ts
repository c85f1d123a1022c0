import { drawsByClass, epochDraws, priorOffsets } from "../../lib/training/epoch-draws";
import { mixBatch } from "../../lib/training/mixup";

/** Twenty of class 0, six of class 1, two of class 2. */
const labels = [...Array<number>(20).fill(0), ...Array<number>(6).fill(1), ...Array<number>(2).fill(2)];
const countsOf = (draws: readonly { sample: number }[]) =>
  [0, 1, 2].map((label) => draws.filter(({ sample }) => labels[sample] === label).length);

const largest = (draws: readonly { sample: number }[]) =>
  draws.map(({ sample }) => sample).filter((sample) => sample < 20);

describe("draws of an epoch", () => {
  it("are all samples once, in another order each epoch, unless told otherwise", () => {
    const [first, second] = [1, 2].map((epoch) => epochDraws({ seed: 3 }, 28, labels, epoch));
    expect(first!.map(({ sample }) => sample).toSorted((a, b) => a - b)).toEqual(labels.map((_, sample) => sample));
    expect(first).not.toEqual(second);
    expect(epochDraws({ seed: 3 }, 28, undefined, 1)).toEqual(first);
    expect(drawsByClass({ seed: 3 })).toBe(false);
  });

  it("are as many of every class when balanced, small classes several times over, each turn told apart", () => {
    const draws = epochDraws({ seed: 3, sampling: "balanced" }, 28, labels, 1);
    expect(countsOf(draws)).toEqual([9, 9, 9]);
    expect(new Set(draws.map(({ sample, repeat }) => `${sample} ${repeat}`)).size).toBe(27);
    expect(Math.max(...draws.map(({ repeat }) => repeat))).toBe(4);
  });

  it("are at most so many of a class, others in each epoch", () => {
    const [first, second] = [1, 2].map((epoch) => epochDraws({ seed: 3, maxPerClass: 5 }, 28, labels, epoch));
    expect(countsOf(first!)).toEqual([5, 5, 2]);
    expect(largest(first!).toSorted()).not.toEqual(largest(second!).toSorted());
  });

  it("leave a prior to be put back: the log of a class's share in the data over that in the draws", () => {
    const offsets = priorOffsets({ seed: 1, sampling: "balanced" }, labels);
    expect(offsets.map(Math.exp)).toEqual(
      [20, 6, 2].map((size) => expect.closeTo((3 * size) / 28, 10) as unknown as number),
    );
    expect(priorOffsets({ seed: 1, maxPerClass: 100 }, labels)).toEqual([0, 0, 0]);
  });
});

describe("mixup", () => {
  const batch = {
    count: 3,
    labels: BigInt64Array.from([0n, 1n, 2n]),
    input: Float32Array.from([1, 1, 10, 10, 100, 100]),
  };
  const draws = [4, 8, 9].map((sample) => ({ sample, epoch: 2 }));

  it("mixes each image with the next one, and prevails in its own", () => {
    const { input, otherLabels, shares } = mixBatch(batch, draws, 0.4, 7);
    expect([...otherLabels]).toEqual([1n, 2n, 0n]);
    expect(Math.min(...shares)).toBeGreaterThanOrEqual(0.5);
    expect(input[2]).toBeCloseTo(10 * shares[1]! + 100 * (1 - shares[1]!), 4);
    expect(mixBatch(batch, draws, 0.4, 7)).toEqual({ input, otherLabels, shares });
    expect(mixBatch(batch, draws, 0.4, 8).shares).not.toEqual(shares);
  });

  it("draws shares whose mean is that of the larger of λ and 1 − λ of Beta(1, 1), three quarters", () => {
    const many = Array.from({ length: 4000 }, (_, sample) => ({ sample, epoch: 1 }));
    const flat = { count: 4000, labels: new BigInt64Array(4000), input: new Float32Array(4000) };
    const { shares } = mixBatch(flat, many, 1, 1);
    expect(shares.reduce((sum, share) => sum + share, 0) / 4000).toBeCloseTo(0.75, 2);
  });
});
