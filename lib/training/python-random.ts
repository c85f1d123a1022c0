const stateWords = 624,
  middleWord = 397;

/**
 * The part of CPython's `random.Random` that `shuffle` needs: the Mersenne Twister MT19937 (Matsumoto and Nishimura, 1998),
 * seeded from a whole number as `random.seed(n)` does, so that splits made by Python scripts can be made again here.
 */
export class PythonRandom {
  private readonly state = new Uint32Array(stateWords);
  private position = stateWords;

  /** @param seed a whole number from 0 to 2^32 - 1 */
  constructor(seed: number) {
    this.fill(19_650_218);
    const { state } = this;
    let index = 1;
    const advance = (): void => {
      if (++index < stateWords) return;
      state[0] = state[stateWords - 1] as number;
      index = 1;
    };
    const mixed = (): number => {
      const before = state[index - 1] as number;
      return before ^ (before >>> 30);
    };
    // init_by_array with a key of one word
    for (let step = 0; step < stateWords; step++) {
      state[index] = ((state[index] as number) ^ Math.imul(mixed(), 1_664_525)) + seed;
      advance();
    }
    for (let step = 1; step < stateWords; step++) {
      state[index] = ((state[index] as number) ^ Math.imul(mixed(), 1_566_083_941)) - index;
      advance();
    }
    state[0] = 0x8000_0000;
  }

  /** `random.shuffle`: in place, and returned. */
  shuffle<T>(list: T[]): T[] {
    for (let last = list.length - 1; last > 0; last--) {
      const other = this.below(last + 1);
      [list[last], list[other]] = [list[other] as T, list[last] as T];
    }
    return list;
  }

  /** `_randbelow_with_getrandbits`: as many top bits as the bound has, again until they are below it. */
  private below(bound: number): number {
    const bits = 32 - Math.clz32(bound);
    for (;;) {
      const value = this.word() >>> (32 - bits);
      if (value < bound) return value;
    }
  }

  private word(): number {
    if (this.position === stateWords) this.twist();
    let y = this.state[this.position++] as number;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c_5680;
    y ^= (y << 15) & 0xefc6_0000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  private twist(): void {
    const { state } = this;
    for (let index = 0; index < stateWords; index++) {
      const y = ((state[index] as number) & 0x8000_0000) | ((state[(index + 1) % stateWords] as number) & 0x7fff_ffff);
      state[index] = (state[(index + middleWord) % stateWords] as number) ^ (y >>> 1) ^ (y & 1 ? 0x9908_b0df : 0);
    }
    this.position = 0;
  }

  private fill(seed: number): void {
    this.state[0] = seed;
    for (let index = 1; index < stateWords; index++) {
      const before = this.state[index - 1] as number;
      this.state[index] = Math.imul(before ^ (before >>> 30), 1_812_433_253) + index;
    }
  }
}
