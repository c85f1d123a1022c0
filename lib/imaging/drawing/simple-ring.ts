type Point = readonly [number, number];

/**
 * Whether a closed ring (last point equals the first) is simple, as RFC 7946 and OGC's Simple Features want a polygon's outline:
 * no two of its sides share a point but neighbours, and those only their common end.
 */
export function isSimpleRing(ring: readonly Point[]): boolean {
  const sides = ring.length - 1;
  if (sides < 3) return false;
  for (let one = 0; one < sides; one++) {
    const [a, b] = [ring[one] as Point, ring[one + 1] as Point];
    if (a[0] === b[0] && a[1] === b[1]) return false;
    for (let other = one + 1; other < sides; other++) {
      const [c, d] = [ring[other] as Point, ring[other + 1] as Point];
      if (areApart(a, b, c, d)) continue;
      const follows = other === one + 1;
      const precedes = one === 0 && other === sides - 1;
      if (
        follows ? liesOn(d, a, b) || liesOn(a, c, d) : precedes ? liesOn(c, a, b) || liesOn(b, c, d) : meet(a, b, c, d)
      )
        return false;
    }
  }
  return true;
}

/** Whether the boxes around two sides have no point in common. */
const areApart = (a: Point, b: Point, c: Point, d: Point): boolean =>
  Math.max(a[0], b[0]) < Math.min(c[0], d[0]) ||
  Math.max(c[0], d[0]) < Math.min(a[0], b[0]) ||
  Math.max(a[1], b[1]) < Math.min(c[1], d[1]) ||
  Math.max(c[1], d[1]) < Math.min(a[1], b[1]);

function meet(a: Point, b: Point, c: Point, d: Point): boolean {
  if (liesOn(a, c, d) || liesOn(b, c, d) || liesOn(c, a, b) || liesOn(d, a, b)) return true;
  return turn(a, b, c) * turn(a, b, d) < 0 && turn(c, d, a) * turn(c, d, b) < 0;
}

const liesOn = (point: Point, from: Point, to: Point): boolean =>
  turn(from, to, point) === 0 && !areApart(point, point, from, to);

/** Twice the area of a triangle: above 0 for a turn to one side, below 0 for one to the other. */
const turn = (a: Point, b: Point, c: Point): number => (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
