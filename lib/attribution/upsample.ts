/** Where output position `index` falls among `from` samples, with half-pixel centres and the ends clamped. */
function source(index: number, from: number, to: number): { low: number; high: number; share: number } {
  const position = Math.min(Math.max((index + 0.5) * (from / to) - 0.5, 0), from - 1);
  const low = Math.floor(position);
  return { low, high: Math.min(low + 1, from - 1), share: position - low };
}

/** Bilinear enlargement of a row-major [rows, columns] map, half-pixel centres (align_corners = false in PyTorch). */
export function upsampleBilinear(
  map: Float32Array,
  rows: number,
  columns: number,
  height: number,
  width: number,
): Float32Array {
  const across = Array.from({ length: width }, (_, x) => source(x, columns, width));
  const enlarged = new Float32Array(height * width);
  for (let y = 0; y < height; y++) {
    const { low: top, high: bottom, share: down } = source(y, rows, height);
    for (let x = 0; x < width; x++) {
      const { low: left, high: right, share } = across[x] as (typeof across)[number];
      const at = (row: number, column: number): number => map[row * columns + column] as number;
      const upper = at(top, left) * (1 - share) + at(top, right) * share;
      const lower = at(bottom, left) * (1 - share) + at(bottom, right) * share;
      enlarged[y * width + x] = upper * (1 - down) + lower * down;
    }
  }
  return enlarged;
}
