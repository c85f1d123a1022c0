import { quantile } from "../../numeric/quantiles";
import type { FloatMap } from "../image";
import { isSimpleRing } from "./simple-ring";

/** A connected piece of a map where attribution is strong. */
export interface AttributedRegion {
  /** Closed ring (last point equals the first) in pixels of the whole image, corner of its first pixel at (0, 0); outer boundary, counter-clockwise as drawn. */
  readonly polygon: readonly (readonly [number, number])[];
  /** Pixels of the map that the region covers. */
  readonly area: number;
  /** Share of the map's whole positive attribution that lies in the region, 0..1. */
  readonly share: number;
  /** Mean of the map's values in the region. */
  readonly mean: number;
  readonly maximum: number;
}

/** From a point of the map (corner of its first pixel at 0) to the image's own pixels. */
export type PointMapping = (x: number, y: number) => readonly [number, number];

export interface RegionChoice {
  /** Regions are where the smoothed map exceeds this share of its 99th percentile. */
  readonly threshold?: number;
  /** Pieces smaller than this share of the map are left out as specks. */
  readonly smallestShare?: number;
  /** At most so many, those with most attribution first. */
  readonly most?: number;
  /** Width of the smoothing, as a share of the map's longer side: pixel noise becomes regions a person can look at. */
  readonly smoothing?: number;
}

/**
 * Where the evidence for the target lies, as polygons in the image's own pixels: the map's positive part is smoothed,
 * thresholded, cut into connected pieces (pixels that share a side), and each outer boundary followed along pixel edges and
 * simplified by half a pixel of the map. Strongest first.
 */
export function attributedRegions(
  map: FloatMap,
  toImagePoint: PointMapping,
  choice: RegionChoice = {},
): AttributedRegion[] {
  const { threshold = 0.5, smallestShare = 0.001, most = 20, smoothing = 0.015 } = choice;
  const positive = map.data.map((value) => Math.max(0, value));
  const total = positive.reduce((sum, value) => sum + value, 0);
  if (total <= 0) return [];
  const smooth = smoothed({ ...map, data: positive }, Math.round(smoothing * Math.max(map.width, map.height)));
  const limit = quantile(Float32Array.from(smooth).sort(), 0.99) || smooth.reduce((a, b) => Math.max(a, b), 0);
  const pieces = connectedPieces(
    smooth.map((value) => (value >= threshold * limit && value > 0 ? 1 : 0)),
    map.width,
  );
  return pieces
    .filter(({ pixels }) => pixels.length >= Math.max(1, smallestShare * map.data.length))
    .map((piece) => ({ piece, share: piece.pixels.reduce((sum, i) => sum + (positive[i] as number), 0) / total }))
    .sort((one, other) => other.share - one.share)
    .slice(0, most)
    .map(({ piece: { label, pixels, labels }, share }) => {
      const values = pixels.map((i) => map.data[i] as number);
      return {
        polygon: simplified(outline(labels, label, map.width, map.height, pixels[0] as number), toImagePoint),
        area: pixels.length,
        share,
        mean: values.reduce((sum, value) => sum + value, 0) / values.length,
        maximum: values.reduce((most, value) => Math.max(most, value), -Infinity),
      };
    });
}

/** Three box averages of the given radius, which together are close to a Gaussian; edges repeat. */
function smoothed({ width, height, data }: FloatMap, radius: number): Float32Array {
  if (radius < 1) return data;
  const once = (values: Float32Array): Float32Array =>
    boxAverage(boxAverage(values, height, width, width, 1, radius), width, height, 1, width, radius);
  return once(once(once(data)));
}

function boxAverage(
  values: Float32Array,
  lines: number,
  length: number,
  lineStep: number,
  step: number,
  radius: number,
): Float32Array {
  const out = new Float32Array(values.length);
  const padded = new Float64Array(length + 2 * radius + 1);
  for (let line = 0; line < lines; line++) {
    const start = line * lineStep;
    const last = start + (length - 1) * step;
    for (let i = 0; i < length; i++) padded[radius + i] = values[start + i * step] as number;
    padded.fill(values[start] as number, 0, radius);
    padded.fill(values[last] as number, radius + length);
    let sum = 0;
    for (let i = 0; i < 2 * radius + 1; i++) sum += padded[i] as number;
    for (let i = 0; i < length; i++) {
      out[start + i * step] = sum / (2 * radius + 1);
      sum += (padded[i + 2 * radius + 1] as number) - (padded[i] as number);
    }
  }
  return out;
}

interface Piece {
  readonly label: number;
  /** Positions in the map; the first is the topmost, then leftmost. */
  readonly pixels: number[];
  readonly labels: Int32Array;
}

function connectedPieces(inside: Float32Array, width: number): Piece[] {
  const labels = new Int32Array(inside.length);
  const pieces: Piece[] = [];
  for (let start = 0; start < inside.length; start++) {
    if (!inside[start] || labels[start]) continue;
    const label = pieces.length + 1;
    const pixels = [start];
    labels[start] = label;
    for (let next = 0; next < pixels.length; next++) {
      const i = pixels[next] as number;
      const x = i % width;
      for (const neighbour of [x > 0 ? i - 1 : -1, x < width - 1 ? i + 1 : -1, i - width, i + width]) {
        if (neighbour < 0 || neighbour >= inside.length || !inside[neighbour] || labels[neighbour]) continue;
        labels[neighbour] = label;
        pixels.push(neighbour);
      }
    }
    pieces.push({ label, pixels, labels });
  }
  return pieces;
}

type Point = [number, number];
const directions: readonly Point[] = [
  [1, 0],
  [0, 1],
  [-1, 0],
  [0, -1],
];

/**
 * Walks the pixel edges around a piece, the piece on the right hand, from the top left corner of its first pixel. Where two of its
 * pixels touch at a corner alone, the way goes on along the other pixel: what lies between them is a hole, and no corner is
 * passed twice.
 */
function outline(labels: Int32Array, label: number, width: number, height: number, first: number): Point[] {
  const belongs = (x: number, y: number): boolean =>
    x >= 0 && y >= 0 && x < width && y < height && labels[y * width + x] === label;
  const start: Point = [first % width, Math.floor(first / width)];
  const ring: Point[] = [];
  let [x, y] = start;
  let heading = 0;
  do {
    ring.push([x, y]);
    const [dx, dy] = directions[heading] as Point;
    x += dx;
    y += dy;
    // The two pixels ahead of this corner: to the left and to the right of the way on.
    const [ahead, right] = [directions[heading] as Point, directions[(heading + 1) % 4] as Point];
    const corner = (side: 1 | -1): boolean =>
      belongs(x + (ahead[0] + side * right[0] - 1) / 2, y + (ahead[1] + side * right[1] - 1) / 2);
    if (corner(-1)) heading = (heading + 3) % 4;
    else if (!corner(1)) heading = (heading + 1) % 4;
  } while (x !== start[0] || y !== start[1] || heading !== 0);
  ring.push(start);
  return ring;
}

/** In the image's pixels and as simple as stays simple: across a narrow gap both sides may give way until they meet. */
function simplified(ring: readonly Point[], toImagePoint: PointMapping): (readonly [number, number])[] {
  for (const tolerance of [0.5, 0.25, 0]) {
    const polygon = simplify(ring, tolerance).map(([x, y]) => toImagePoint(x, y));
    if (isSimpleRing(polygon)) return polygon;
  }
  return ring.map(([x, y]) => toImagePoint(x, y));
}

/** Douglas and Peucker's simplification of a closed ring: no dropped point lies farther than `tolerance` from what stays. */
function simplify(ring: readonly Point[], tolerance: number): Point[] {
  // Split at the point farthest from the first, since a closed ring has no ends to stretch a line between.
  const [first] = ring as readonly [Point];
  const far = ring.reduce(
    (best, point, i) => (squared(point, first) > squared(ring[best] as Point, first) ? i : best),
    0,
  );
  const keep = new Set([0, far, ring.length - 1]);
  const open: Point[] = [
    [0, far],
    [far, ring.length - 1],
  ];
  for (let range = open.pop(); range; range = open.pop()) {
    const [from, to] = range;
    let worst = from;
    let distance = tolerance;
    for (let i = from + 1; i < to; i++) {
      const away = distanceToLine(ring[i] as Point, ring[from] as Point, ring[to] as Point);
      if (away > distance) [worst, distance] = [i, away];
    }
    if (worst === from) continue;
    keep.add(worst);
    open.push([from, worst], [worst, to]);
  }
  return ring.filter((_, i) => keep.has(i));
}

const squared = (a: Point, b: Point): number => (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2;

function distanceToLine(point: Point, from: Point, to: Point): number {
  const length = Math.hypot(to[0] - from[0], to[1] - from[1]);
  if (length === 0) return Math.hypot(point[0] - from[0], point[1] - from[1]);
  return Math.abs((to[0] - from[0]) * (from[1] - point[1]) - (from[0] - point[0]) * (to[1] - from[1])) / length;
}
