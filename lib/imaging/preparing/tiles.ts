import { ImageError } from "../../contract/errors";
import type { Region } from "../../contract/region";
import type { FloatMap } from "../image";

/**
 * Squares of `side` pixels that cover an image: none reaches outside, so the last of a row or column overlaps its
 * neighbour; an image smaller than a tile is one tile of its own size.
 */
export function tilesOf(width: number, height: number, side: number): Region[] {
  const columns = starts(width, side);
  return starts(height, side).flatMap((top) =>
    columns.map((left) => ({ left, top, width: Math.min(side, width), height: Math.min(side, height) })),
  );
}

function starts(length: number, side: number): number[] {
  const count = Math.max(1, Math.ceil(length / side));
  return Array.from({ length: count }, (_, i) => Math.max(0, Math.min(i * side, length - side)));
}

/** Puts the maps of an image's tiles together; where tiles overlap the values are averaged. */
export class JoinedTiles {
  readonly #sum: Float32Array;
  readonly #count: Uint16Array;

  constructor(
    private readonly width: number,
    private readonly height: number,
  ) {
    this.#sum = new Float32Array(width * height);
    this.#count = new Uint16Array(width * height);
  }

  /** Throws map.shape unless the map is as large as its tile. */
  add(tile: Region, map: FloatMap): void {
    if (map.width !== tile.width || map.height !== tile.height) {
      throw new ImageError(
        "map.shape",
        `Expected a map of ${tile.width} × ${tile.height} like its tile but received ${map.width} × ${map.height}`,
      );
    }
    for (let y = 0; y < tile.height; y++) {
      for (let x = 0; x < tile.width; x++) {
        const at = (tile.top + y) * this.width + tile.left + x;
        this.#sum[at] = (this.#sum[at] as number) + (map.data[y * tile.width + x] as number);
        this.#count[at] = (this.#count[at] as number) + 1;
      }
    }
  }

  finish(): FloatMap {
    const data = this.#sum.map((value, i) => value / Math.max(1, this.#count[i] as number));
    return { width: this.width, height: this.height, data };
  }
}

/** Bilinear resizing of a map to another size, for laying a network's map over a larger tile; values are kept, not sums. */
export function resizeMap({ width, height, data }: FloatMap, newWidth: number, newHeight: number): FloatMap {
  const out = new Float32Array(newWidth * newHeight);
  const columns = Array.from({ length: newWidth }, (_, x) => between(((x + 0.5) * width) / newWidth - 0.5, width));
  for (let y = 0; y < newHeight; y++) {
    const [above, below, down] = between(((y + 0.5) * height) / newHeight - 0.5, height);
    columns.forEach(([left, right, across], x) => {
      const top = lerp(data[above * width + left] as number, data[above * width + right] as number, across);
      const bottom = lerp(data[below * width + left] as number, data[below * width + right] as number, across);
      out[y * newWidth + x] = lerp(top, bottom, down);
    });
  }
  return { width: newWidth, height: newHeight, data: out };
}

/** The two pixels a position lies between (edges repeat), and how far it is on the way. */
function between(position: number, length: number): [number, number, number] {
  const clamped = Math.min(length - 1, Math.max(0, position));
  const low = Math.floor(clamped);
  return [low, Math.min(length - 1, low + 1), clamped - low];
}

const lerp = (from: number, to: number, t: number): number => from + (to - from) * t;
