/** Where an explanation points, held against where the cause is known to be. */
export interface Pointing {
  /** Whether the map's highest value lies on the cause (the pointing game of Zhang et al., "Top-down neural attention by excitation backprop", 2016). */
  readonly hit: boolean;
  /** Share of the map's positive sum that lies on the cause; NaN for a map without a positive value. */
  readonly mass: number;
  /** Share of the image that the cause covers: what a map without any idea would reach. */
  readonly chance: number;
}

/**
 * @param map [size, size], positive where the image speaks for the class; smoothed before its highest value is looked for,
 * for a single pixel's gradient says little
 * @param cause [size, size], not 0 on the cause
 * @param blur deviation of the smoothing in pixels; 0 leaves the map as it is
 */
export function pointingOf(map: Float32Array, cause: Uint8Array, size: number, blur: number): Pointing {
  const smooth = blur > 0 ? smoothed(map, size, blur) : map;
  let highest = 0,
    onCause = 0,
    positive = 0,
    area = 0;
  for (let pixel = 0; pixel < map.length; pixel++) {
    if ((smooth[pixel] as number) > (smooth[highest] as number)) highest = pixel;
    const value = Math.max(0, map[pixel] as number);
    positive += value;
    if (cause[pixel]) {
      onCause += value;
      area++;
    }
  }
  return { hit: cause[highest] !== 0, mass: onCause / positive, chance: area / map.length };
}

function smoothed(map: Float32Array, size: number, deviation: number): Float32Array {
  const reach = Math.ceil(2.5 * deviation);
  const kernel = Float32Array.from({ length: 2 * reach + 1 }, (_, tap) =>
    Math.exp(-((tap - reach) ** 2) / (2 * deviation ** 2)),
  );
  const along = (source: Float32Array, step: number, across: number) => {
    const out = new Float32Array(source.length);
    for (let line = 0; line < size; line++) {
      for (let position = 0; position < size; position++) {
        let sum = 0;
        for (let tap = -reach; tap <= reach; tap++) {
          const neighbour = position + tap;
          if (neighbour >= 0 && neighbour < size)
            sum += (kernel[tap + reach] as number) * (source[line * across + neighbour * step] as number);
        }
        out[line * across + position * step] = sum;
      }
    }
    return out;
  };
  return along(along(map, 1, size), size, 1);
}
