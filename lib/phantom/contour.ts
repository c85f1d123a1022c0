import type { CounterRandom } from "../random/counter-random";

const { atan2, cos, floor } = Math;
const steps = 256;

/** A star-shaped outline: its radius as a function of the angle about its centre. */
export class Contour {
  readonly largest: number;

  /** `radii` are taken at equal angles from 0 on, in the direction from +x to +y. */
  constructor(private readonly radii: Float32Array) {
    this.largest = radii.reduce((largest, radius) => Math.max(largest, radius), 0);
  }

  /** The radius in the direction (dx, dy). */
  radiusTowards(dx: number, dy: number): number {
    const turn = atan2(dy, dx) / (2 * Math.PI);
    const position = (turn < 0 ? turn + 1 : turn) * steps;
    const index = floor(position);
    const fraction = position - index;
    return (
      (this.radii[index % steps] as number) * (1 - fraction) + (this.radii[(index + 1) % steps] as number) * fraction
    );
  }

  /** The same outline, nowhere wider than this share of another about the same centre. */
  within(other: Contour, share: number): Contour {
    return new Contour(
      rounded(
        this.radii.map((radius, index) => Math.min(radius, share * (other.radii[index] as number))),
        5,
      ),
    );
  }

  /** Cuts the outline at straight lines, each given by its normal's angle and its distance; corners are rounded. */
  cut(lines: readonly { angle: number; distance: number }[]): Contour {
    const radii = this.radii.map((radius, index) => {
      const angle = (2 * Math.PI * index) / steps;
      return lines.reduce((least, line) => {
        const cosine = cos(angle - line.angle);
        return cosine > 0.05 ? Math.min(least, Math.max(1, line.distance) / cosine) : least;
      }, radius);
    });
    return new Contour(rounded(radii, 5));
  }
}

/** A rounded, slightly irregular outline. `elongation` is the ratio of its axes, `roughness` the relative size of its bumps. */
export function blob(random: CounterRandom, radius: number, elongation: number, roughness: number): Contour {
  const tilt = random.uniform(0, Math.PI);
  const bumps = [2, 3, 4, 5, 7].map((order) => ({
    order,
    size: (roughness * random.normal()) / Math.sqrt(order),
    phase: random.uniform(0, 2 * Math.PI),
  }));
  const long = Math.sqrt(elongation),
    short = 1 / long;
  return new Contour(
    Float32Array.from({ length: steps }, (_, index) => {
      const angle = (2 * Math.PI * index) / steps;
      const ellipse = 1 / Math.hypot(cos(angle - tilt) / long, Math.sin(angle - tilt) / short);
      const bump = bumps.reduce((sum, { order, size, phase }) => sum + size * cos(order * angle + phase), 1);
      return radius * ellipse * Math.max(0.4, bump);
    }),
  );
}

/** A polygon with uneven corners, such as flat squamous cells have. `rounding` is the half-width of the smoothing in degrees. */
export function polygon(random: CounterRandom, radius: number, corners: number, rounding: number): Contour {
  const start = random.uniform(0, 2 * Math.PI);
  const points = Array.from({ length: corners }, (_, index) => {
    const angle = start + (2 * Math.PI * (index + random.uniform(-0.28, 0.28))) / corners;
    const reach = radius * random.uniform(0.88, 1.2);
    return { x: reach * cos(angle), y: reach * Math.sin(angle) };
  });
  const radii = Float32Array.from({ length: steps }, (_, index) => {
    const angle = (2 * Math.PI * index) / steps;
    return Math.max(radius * 0.45, rayToPolygon(points, cos(angle), Math.sin(angle)));
  });
  const ripples = [6, 9, 13].map((order) => ({
    order,
    size: random.normal(0, 0.012),
    phase: random.uniform(0, 2 * Math.PI),
  }));
  return new Contour(
    rounded(radii, Math.round((rounding / 360) * steps)).map(
      (reach, index) =>
        reach *
        ripples.reduce(
          (sum, { order, size, phase }) => sum + size * cos((2 * Math.PI * order * index) / steps + phase),
          1,
        ),
    ),
  );
}

function rayToPolygon(points: readonly { x: number; y: number }[], dx: number, dy: number): number {
  let farthest = 0;
  points.forEach((from, index) => {
    const to = points[(index + 1) % points.length] ?? from;
    const ex = to.x - from.x,
      ey = to.y - from.y;
    const determinant = ex * dy - ey * dx;
    if (Math.abs(determinant) < 1e-9) return;
    const along = (from.y * dx - from.x * dy) / determinant;
    const distance = (from.y * ex - from.x * ey) / determinant;
    if (along >= 0 && along <= 1 && distance > farthest) farthest = distance;
  });
  return farthest;
}

function rounded(radii: Float32Array, halfWidth: number): Float32Array {
  return radii.map((_, index) => {
    let sum = 0;
    for (let offset = -halfWidth; offset <= halfWidth; offset++)
      sum += radii[(index + offset + steps) % steps] as number;
    return sum / (2 * halfWidth + 1);
  });
}
