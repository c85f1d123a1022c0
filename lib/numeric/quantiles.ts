/**
 * The quantile of values that are in ascending order, linear between neighbouring ranks (type 7 of Hyndman and Fan,
 * 1996, which NumPy's default is); NaN where there are no values. `share` is from 0 (the least) to 1 (the greatest).
 */
export function quantile(ascending: ArrayLike<number>, share: number): number {
  const rank = share * (ascending.length - 1);
  const below = ascending[Math.floor(rank)] ?? Number.NaN;
  const above = ascending[Math.ceil(rank)] ?? below;
  return below + (rank - Math.floor(rank)) * (above - below);
}

/** The middle value, or the mean of the two in the middle; the values come in any order. NaN where there are none. */
export function median(values: Iterable<number>): number {
  const ascending = Float64Array.from(values).sort();
  const middle = (ascending.length - 1) / 2;
  return ((ascending[Math.floor(middle)] ?? Number.NaN) + (ascending[Math.ceil(middle)] ?? Number.NaN)) / 2;
}
