const { PI, cos, floor, imul, log, sqrt } = Math;

/**
 * Random numbers as a function of (seed, stream name, index): whatever the order in which they are drawn, the same ones.
 * Each number mixes the three through two rounds of the 32-bit finaliser of MurmurHash3 (Appleby).
 */
export class CounterRandom {
  private readonly key: number;

  constructor(seed: number, stream: string) {
    let hash = 0x811c9dc5;
    for (const byte of new TextEncoder().encode(stream)) hash = imul(hash ^ byte, 0x01000193);
    this.key = mix(mix(hash >>> 0) ^ mix((seed >>> 0) ^ imul(floor(seed / 2 ** 32), 0x9e3779b1)));
  }

  /** In [0, 1), of 32 random bits. */
  uniform(index: number): number {
    return mix(mix((index + this.key) >>> 0) ^ this.key) / 2 ** 32;
  }

  /** Mean 0, variance 1, by the Box–Muller transform of two numbers. */
  normal(index: number): number {
    const radius = sqrt(-2 * log(1 - this.uniform(2 * index)));
    return radius * cos(2 * PI * this.uniform(2 * index + 1));
  }
}

function mix(value: number): number {
  let x = value;
  x = imul(x ^ (x >>> 16), 0x85ebca6b);
  x = imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}
