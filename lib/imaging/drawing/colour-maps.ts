import { type Oklab, toSrgb, withinGamut } from "./oklab";

/** Colours from one end to the other, red, green, blue a step. */
export interface ColourMap {
  readonly steps: number;
  readonly data: Uint8Array;
}

/**
 * For maps without sign: dark violet through red to light yellow. Lightness rises all the way, so that it reads in grey
 * and with any colour vision; equal steps are equally far apart in OKLab.
 */
export function sequentialColours(steps: number): ColourMap {
  return sample(
    evenPath((t) => withinGamut(0.25 + 0.68 * t, 0.06 + 0.5 * t * (1 - t) + 0.1 * t, 290 + 170 * t)),
    steps,
  );
}

/**
 * For signed maps: blue (negative) and vermilion (positive), strongest at the ends, both arms of the same lightness. The arms
 * begin pale but coloured, because opacity fades them out: a white middle would lay a halo over stained cells.
 */
export function divergingColours(steps: number): ColourMap {
  const [negative, positive] = [arm(258), arm(38)];
  return sample((t) => (t < 0.5 ? negative(1 - 2 * t) : positive(2 * t - 1)), steps);
}

const arm = (hue: number): Path => evenPath((t) => withinGamut(0.86 - 0.32 * t, 0.07 + 0.13 * t, hue));

type Path = (t: number) => Oklab;

/** The same path walked at a constant speed. */
function evenPath(path: Path): Path {
  const pieces = 1024;
  const points = Array.from({ length: pieces + 1 }, (_, i) => path(i / pieces));
  const travelled = [0];
  for (let i = 1; i <= pieces; i++)
    travelled.push((travelled[i - 1] as number) + distance(points[i - 1] as Oklab, points[i] as Oklab));
  const whole = travelled[pieces] as number;
  return (t) => {
    const wanted = t * whole;
    let low = 0;
    let high = pieces;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((travelled[middle] as number) <= wanted) low = middle;
      else high = middle;
    }
    const [from, to] = [travelled[low] as number, travelled[high] as number];
    return path((low + (to > from ? (wanted - from) / (to - from) : 0)) / pieces);
  };
}

function sample(path: Path, steps: number): ColourMap {
  return {
    steps,
    data: Uint8Array.from(
      Array.from({ length: steps }, (_, i) => toSrgb(path(steps > 1 ? i / (steps - 1) : 0))).flat(),
    ),
  };
}

/** Straight distance in OKLab. */
export function distance(one: Oklab, other: Oklab): number {
  return Math.hypot(one[0] - other[0], one[1] - other[1], one[2] - other[2]);
}
