/** A drawn cell as 8-bit RGB: a bright field with a body and a nucleus, no two pixels of a row alike. */
export function drawnCell(width: number, height: number): number[] {
  return Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    const distance = Math.hypot(x / width - 0.5, y / height - 0.5);
    const colour = distance < 0.15 ? [70, 50, 120] : distance < 0.35 ? [150, 185, 200] : [238, 236, 240];
    return colour.map((level, channel) => level + ((x * 7 + y * 3 + channel) % 12));
  }).flat();
}

export const greyOf = (colours: readonly number[]): number[] =>
  Array.from({ length: colours.length / 3 }, (_, i) => colours[3 * i + 1]!);

export const spread = (levels: readonly number[]): number[] => levels.flatMap((level) => [level, level, level]);

/** Pixels of `perPixel` samples with further samples behind their colours. */
export const withExtra = (base: readonly number[], perPixel: number, extra: (pixel: number) => number[]): number[] =>
  Array.from({ length: base.length / perPixel }, (_, i) => [
    ...base.slice(perPixel * i, perPixel * (i + 1)),
    ...extra(i),
  ]).flat();

/** What a camera of so many bits writes for an 8-bit level. */
export const darker =
  (bits: number) =>
  (value: number): number =>
    value << (bits - 8);
