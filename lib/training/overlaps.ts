import { CounterRandom } from "../random/counter-random";
import type { RgbImage } from "../imaging/image";

/** A small grey picture of an image with what it is found again by. */
export interface ImageTrace {
  readonly grey: Float32Array;
  readonly width: number;
  readonly height: number;
  readonly points: readonly TracePoint[];
}

/** A place that stands out, with 64 comparisons of brightness around it (Calonder et al., BRIEF, ECCV 2010). */
interface TracePoint {
  readonly x: number;
  readonly y: number;
  readonly high: number;
  readonly low: number;
}

export interface Overlap {
  /** Index of the image that the other one shows parts of. */
  readonly image: number;
  /** Share of the smaller picture that both show, 0 to 1. */
  readonly share: number;
}

/** Longest side of the small pictures: images are reduced by whole factors, so that equal crops keep equal pixels. */
const longestSide = 160;
const reach = 9;
const mostPoints = 48;
const leastContrast = 2;
const farthestHash = 10;
const leastShare = 0.1;
/** What two pictures of one piece of glass reach through compression and rescaling, and neighbouring cells do not. */
const leastCorrelation = 0.97;
/** Buckets of commoner patterns than this tell nothing. */
const fullBucket = 64;
const agreeing = 2;
/** Where little is shared, borders and background may agree by chance: one place more must. */
const littleShare = 0.25;

const comparisons = (() => {
  const random = new CounterRandom(64);
  const offset = (): number => Math.round(random.uniform(-reach, reach));
  return Array.from({ length: 64 }, () => [offset(), offset(), offset(), offset()] as const);
})();

export function traceOf(image: RgbImage): ImageTrace {
  const { grey, width, height } = reduced(image);
  const soft = blurred(grey, width, height, 1);
  const points = standingOut(soft, blurred(soft, width, height, 3), width, height);
  return { grey: soft, width, height, points: points.map(({ x, y }) => ({ x, y, ...hashAt(soft, width, x, y) })) };
}

/** Finds, among images added before, those that show the same piece of glass: by hashes of what stands out, then by pixels. */
export class OverlapIndex {
  private readonly traces: ImageTrace[] = [];
  private readonly buckets = new Map<number, { image: number; point: TracePoint }[]>();

  add(trace: ImageTrace): void {
    const image = this.traces.push(trace) - 1;
    for (const point of trace.points) {
      for (const key of keysOf(point)) {
        const bucket = this.buckets.get(key);
        if (bucket) bucket.push({ image, point });
        else this.buckets.set(key, [{ image, point }]);
      }
    }
  }

  /** The image that shares most with this one, if any does. */
  find(trace: ImageTrace): Overlap | undefined {
    const votes = new Map<string, { image: number; dx: number; dy: number; count: number }>();
    for (const point of trace.points) {
      const seen = new Set<string>();
      for (const key of keysOf(point)) {
        const bucket = this.buckets.get(key) ?? [];
        if (bucket.length > fullBucket) continue;
        for (const { image, point: other } of bucket) {
          if (bitsBetween(point, other) > farthestHash) continue;
          const [dx, dy] = [point.x - other.x, point.y - other.y];
          const name = `${image} ${dx} ${dy}`;
          if (seen.has(name)) continue;
          seen.add(name);
          const vote = votes.get(name);
          if (vote) vote.count++;
          else votes.set(name, { image, dx, dy, count: 1 });
        }
      }
    }
    const promising = [...votes.values()].filter(({ count }) => count >= agreeing);
    const found = promising
      .toSorted((a, b) => b.count - a.count)
      .slice(0, 32)
      .flatMap(({ image, dx, dy, count }) => {
        const other = this.traces[image];
        const share = other && sharedPart(trace, other, dx, dy);
        return share === undefined || (share < littleShare && count <= agreeing) ? [] : [{ image, share }];
      });
    return found.toSorted((a, b) => b.share - a.share)[0];
  }
}

/** The share both show where the first lies (dx, dy) further than the second; undefined where their pixels disagree. */
function sharedPart(a: ImageTrace, b: ImageTrace, dx: number, dy: number): number | undefined {
  const [left, top] = [Math.max(0, dx), Math.max(0, dy)];
  const [right, bottom] = [Math.min(a.width, b.width + dx), Math.min(a.height, b.height + dy)];
  const count = Math.max(0, right - left) * Math.max(0, bottom - top);
  const share = count / Math.min(a.width * a.height, b.width * b.height);
  if (share < leastShare) return undefined;
  let [sumA, sumB, squaresA, squaresB, products] = [0, 0, 0, 0, 0];
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const [va, vb] = [a.grey[y * a.width + x] ?? 0, b.grey[(y - dy) * b.width + x - dx] ?? 0];
      sumA += va;
      sumB += vb;
      squaresA += va * va;
      squaresB += vb * vb;
      products += va * vb;
    }
  }
  const spread = Math.sqrt((squaresA - sumA ** 2 / count) * (squaresB - sumB ** 2 / count));
  return (products - (sumA * sumB) / count) / spread >= leastCorrelation ? share : undefined;
}

/** Four bands of 16 bits: of hashes that differ in few bits, one band agrees. */
function keysOf({ high, low }: TracePoint): number[] {
  return [high >>> 16, high & 0xffff, low >>> 16, low & 0xffff].map((bits, band) => band * 0x10000 + bits);
}

function bitsBetween(a: TracePoint, b: TracePoint): number {
  return bitCount(a.high ^ b.high) + bitCount(a.low ^ b.low);
}

function bitCount(bits: number): number {
  let rest = bits - ((bits >>> 1) & 0x55555555);
  rest = (rest & 0x33333333) + ((rest >>> 2) & 0x33333333);
  return Math.imul((rest + (rest >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

function hashAt(soft: Float32Array, width: number, x: number, y: number): { high: number; low: number } {
  const words: [number, number] = [0, 0];
  comparisons.forEach(([x0, y0, x1, y1], index) => {
    const brighter = (soft[(y + y0) * width + x + x0] ?? 0) > (soft[(y + y1) * width + x + x1] ?? 0);
    if (brighter) words[index < 32 ? 0 : 1] |= 1 << (index % 32);
  });
  return { high: words[0] >>> 0, low: words[1] >>> 0 };
}

/** Extremes of the difference of two blurs over their 5 × 5 neighbours, the strongest first. */
function standingOut(
  fine: Float32Array,
  coarse: Float32Array,
  width: number,
  height: number,
): { x: number; y: number }[] {
  const difference = fine.map((value, at) => value - (coarse[at] ?? 0));
  const found: { x: number; y: number; strength: number }[] = [];
  for (let y = reach; y < height - reach; y++) {
    for (let x = reach; x < width - reach; x++) {
      const value = difference[y * width + x] ?? 0;
      const strength = Math.abs(value);
      if (strength >= leastContrast && isExtreme(difference, width, x, y, value)) found.push({ x, y, strength });
    }
  }
  return found.sort((a, b) => b.strength - a.strength).slice(0, mostPoints);
}

function isExtreme(values: Float32Array, width: number, x: number, y: number, value: number): boolean {
  const sign = Math.sign(value);
  for (let dy = -2; dy <= 2; dy++)
    for (let dx = -2; dx <= 2; dx++)
      if ((dx !== 0 || dy !== 0) && sign * (values[(y + dy) * width + x + dx] ?? 0) >= sign * value) return false;
  return true;
}

function reduced({ data, width, height }: RgbImage): { grey: Float32Array; width: number; height: number } {
  const factor = Math.max(1, Math.ceil(Math.max(width, height) / longestSide));
  const [columns, rows] = [Math.floor(width / factor), Math.floor(height / factor)];
  const grey = new Float32Array(columns * rows);
  for (let y = 0; y < rows * factor; y++) {
    for (let x = 0; x < columns * factor; x++) {
      const at = 3 * (y * width + x);
      const sum = (data[at] ?? 0) + (data[at + 1] ?? 0) + (data[at + 2] ?? 0);
      const cell = Math.floor(y / factor) * columns + Math.floor(x / factor);
      grey[cell] = (grey[cell] ?? 0) + sum / (3 * factor * factor);
    }
  }
  return { grey, width: columns, height: rows };
}

/** Box blur of (2 r + 1)² pixels, rows and then columns, twice; edges repeat. */
function blurred(values: Float32Array, width: number, height: number, radius: number): Float32Array {
  let now = values;
  for (let pass = 0; pass < 2; pass++) {
    now = blurredAlong(now, width, height, radius, 1, width);
    now = blurredAlong(now, height, width, radius, width, 1);
  }
  return now;
}

function blurredAlong(
  values: Float32Array,
  length: number,
  lines: number,
  radius: number,
  step: number,
  lineStep: number,
): Float32Array {
  const out = new Float32Array(values.length);
  for (let line = 0; line < lines; line++) {
    const start = line * lineStep;
    const at = (position: number): number => values[start + Math.min(length - 1, Math.max(0, position)) * step] ?? 0;
    let sum = 0;
    for (let position = -radius; position <= radius; position++) sum += at(position);
    for (let position = 0; position < length; position++) {
      out[start + position * step] = sum / (2 * radius + 1);
      sum += at(position + radius + 1) - at(position - radius);
    }
  }
  return out;
}
