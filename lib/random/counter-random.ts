// Read once: in a test runner's sandbox every look at a global costs more than the arithmetic.
const { imul, floor } = Math;

/** Random numbers as a pure function of (key, counter): any sample of any stream can be drawn again without what came before it. */
export class CounterRandom {
  private readonly key0: number;
  private readonly key1: number;
  private readonly counter = new Uint32Array(4);
  private readonly block = new Uint32Array(4);
  private used = 4;

  /**
   * @param seed any safe integer; its low and high words are the key
   * @param stream up to three 32-bit words that tell streams of one seed apart, for example (epoch, sample)
   */
  constructor(seed: number, ...stream: readonly number[]) {
    if (!Number.isSafeInteger(seed))
      throw new RangeError(`Expected a whole number below 2^53 for the seed but received ${seed}`);
    if (stream.length > 3)
      throw new RangeError(`Expected at most three words for the stream but received ${stream.length}`);
    this.key0 = seed >>> 0;
    this.key1 = floor(seed / 0x1_0000_0000) >>> 0;
    stream.forEach((word, index) => (this.counter[index + 1] = word >>> 0));
  }

  /** The next 32 bits. */
  word(): number {
    if (this.used === 4) {
      philox4x32(this.counter, this.key0, this.key1, this.block);
      this.counter[0] = (this.counter[0] as number) + 1;
      this.used = 0;
    }
    return this.block[this.used++] as number;
  }

  /** Uniform in [low, high), 32 bits fine. */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * (this.word() / 0x1_0000_0000);
  }

  /** A whole number in [0, bound). */
  below(bound: number): number {
    return floor(this.uniform() * bound);
  }

  chance(probability: number): boolean {
    return this.uniform() < probability;
  }

  /** Normal by Box and Muller; the second value of each pair is dropped, to keep the stream's position plain. */
  normal(mean = 0, deviation = 1): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return mean + deviation * radius * Math.cos(2 * Math.PI * this.uniform());
  }

  pick<T>(choices: readonly [T, ...T[]]): T {
    return choices[this.below(choices.length)] ?? choices[0];
  }

  /** Shuffles in place (Fisher and Yates) and returns the list. */
  shuffle<T>(list: T[]): T[] {
    for (let last = list.length - 1; last > 0; last--) {
      const other = this.below(last + 1);
      [list[last], list[other]] = [list[other] as T, list[last] as T];
    }
    return list;
  }
}

const multiplier0 = 0xd2511f53;
const multiplier1 = 0xcd9e8d57;

/**
 * Philox-4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
 * Writes the block of four 32-bit words that belongs to `counter` and the key into `out`.
 */
export function philox4x32(counter: Uint32Array, key0: number, key1: number, out: Uint32Array): void {
  let c0 = counter[0] as number,
    c1 = counter[1] as number,
    c2 = counter[2] as number,
    c3 = counter[3] as number;
  let k0 = key0,
    k1 = key1;
  for (let round = 0; round < 10; round++) {
    const high0 = highWord(multiplier0, c0),
      low0 = imul(multiplier0, c0);
    const high1 = highWord(multiplier1, c2),
      low1 = imul(multiplier1, c2);
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1 >>> 0;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0 >>> 0;
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/** The upper 32 bits of a 32 x 32 bit product. */
function highWord(a: number, b: number): number {
  const aLow = a & 0xffff,
    aHigh = a >>> 16,
    bLow = b & 0xffff,
    bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const cross = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + floor(middle / 0x10000) + floor(cross / 0x10000)) >>> 0;
}
