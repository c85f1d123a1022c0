import type { CounterRandom } from "../random/counter-random";

const { floor } = Math;

/** Tiles are this many samples wide and high, and repeat without a seam. */
const tileExtent = 256;

/** A seamless tile of smooth noise with mean 0 and deviation 1, for textures that must not show a grid. */
export class NoiseTile {
  private readonly values: Float32Array;

  /** Adds octaves whose cells are `coarsest`, `coarsest` / 2, … down to `finest` samples wide; each finer one weighs `gain` times as much. */
  constructor(random: CounterRandom, coarsest: number, finest: number, gain: number) {
    this.values = new Float32Array(tileExtent * tileExtent);
    for (let cell = coarsest, weight = 1; cell >= finest; cell /= 2, weight *= gain)
      addOctave(this.values, random, cell, weight);
    normalise(this.values);
  }

  /** The value at a position in samples; bilinear between samples, periodic. */
  at(x: number, y: number): number {
    const column = floor(x),
      row = floor(y);
    const fx = x - column,
      fy = y - row;
    const left = column & (tileExtent - 1),
      right = (left + 1) & (tileExtent - 1);
    const top = (row & (tileExtent - 1)) * tileExtent,
      bottom = ((row + 1) & (tileExtent - 1)) * tileExtent;
    const values = this.values;
    const upper = (values[top + left] as number) * (1 - fx) + (values[top + right] as number) * fx;
    const lower = (values[bottom + left] as number) * (1 - fx) + (values[bottom + right] as number) * fx;
    return upper * (1 - fy) + lower * fy;
  }
}

function addOctave(values: Float32Array, random: CounterRandom, cell: number, weight: number): void {
  const knots = tileExtent / cell;
  const lattice = Float32Array.from({ length: knots * knots }, () => random.uniform(-1, 1));
  const weights = Float32Array.from({ length: cell }, (_, offset) => smooth(offset / cell));
  const knot = (position: number) => (position / cell) | 0;
  for (let row = 0; row < tileExtent; row++) {
    const fy = weights[row % cell] as number,
      upper = knot(row) * knots,
      lower = ((knot(row) + 1) % knots) * knots;
    for (let column = 0; column < tileExtent; column++) {
      const x = knot(column),
        fx = weights[column % cell] as number,
        next = (x + 1) % knots;
      const above = (lattice[upper + x] as number) * (1 - fx) + (lattice[upper + next] as number) * fx;
      const below = (lattice[lower + x] as number) * (1 - fx) + (lattice[lower + next] as number) * fx;
      const index = row * tileExtent + column;
      values[index] = (values[index] as number) + weight * (above * (1 - fy) + below * fy);
    }
  }
}

function normalise(values: Float32Array): void {
  let sum = 0,
    squares = 0;
  for (const value of values) {
    sum += value;
    squares += value * value;
  }
  const mean = sum / values.length;
  const deviation = Math.sqrt(squares / values.length - mean * mean) || 1;
  for (let index = 0; index < values.length; index++) values[index] = ((values[index] as number) - mean) / deviation;
}

function smooth(t: number): number {
  return t * t * (3 - 2 * t);
}
