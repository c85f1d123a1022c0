import { CounterRandom, philox4x32 } from "../../lib/random/counter-random";

/** Known answers published with the paper's own library (Random123, kat_vectors). */
const knownAnswers: readonly { counter: number[]; key: [number, number]; block: number[] }[] = [
  { counter: [0, 0, 0, 0], key: [0, 0], block: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8] },
  {
    counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    key: [0xffffffff, 0xffffffff],
    block: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  },
  {
    counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    key: [0xa4093822, 0x299f31d0],
    block: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  },
];

function draw(seed: number, ...stream: number[]): number[] {
  const random = new CounterRandom(seed, ...stream);
  return Array.from({ length: 9 }, () => random.word());
}

describe("counter-based random numbers", () => {
  it.each(knownAnswers)("give the published block for counter $counter", ({ counter, key, block }) => {
    const out = new Uint32Array(4);
    philox4x32(Uint32Array.from(counter), key[0], key[1], out);
    expect([...out]).toEqual(block);
  });

  it("repeat for the same seed and stream and differ between streams", () => {
    expect(draw(5, 1, 2)).toEqual(draw(5, 1, 2));
    const others = [draw(5, 1, 2), draw(5, 2, 1), draw(6, 1, 2), draw(5 + 2 ** 32, 1, 2)];
    expect(new Set(others.map((words) => words.join())).size).toBe(others.length);
  });

  it("are uniform and normal in their first two moments", () => {
    const random = new CounterRandom(11);
    const count = 40_000;
    let sum = 0,
      squares = 0,
      normals = 0,
      normalSquares = 0;
    for (let index = 0; index < count; index++) {
      const u = random.uniform(),
        z = random.normal();
      sum += u;
      squares += u * u;
      normals += z;
      normalSquares += z * z;
    }
    expect(sum / count).toBeCloseTo(1 / 2, 1.8);
    expect(squares / count).toBeCloseTo(1 / 3, 1.8);
    expect(Math.abs(normals / count)).toBeLessThan(0.02);
    expect(Math.abs(normalSquares / count - 1)).toBeLessThan(0.03);
  });

  it("refuse a seed that is no whole number", () => {
    expect(() => new CounterRandom(0.5)).toThrow("Expected a whole number");
  });
});
