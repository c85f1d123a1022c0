import * as fc from "fast-check";
import type { FloatMap } from "../../../lib/imaging/image";
import { frame, toImagePoint } from "../../../lib/imaging/preparing/preprocess";
import { attributedRegions } from "../../../lib/imaging/drawing/regions";
import { crop } from "../../../lib/imaging/crop";
import { JoinedTiles, resizeMap, tilesOf } from "../../../lib/imaging/preparing/tiles";

const drawn = (rows: string[]): FloatMap => ({
  width: rows[0]!.length,
  height: rows.length,
  data: Float32Array.from(rows.join(""), (dot) => (dot === "#" ? 1 : dot === "-" ? -1 : 0)),
});
const exact = { smoothing: 0, smallestShare: 0 };
const asItIs = (x: number, y: number) => [x, y] as const;

/** Twice the signed area of a ring (shoelace). */
const area = (ring: readonly (readonly [number, number])[]): number =>
  Math.abs(ring.slice(1).reduce((sum, [x, y], i) => sum + ring[i]![0] * y - x * ring[i]![1], 0)) / 2;

test("a rectangle has four corners, at pixel edges", () => {
  const map = drawn(["......", "..###.", "..###.", "......"]);
  const [region, ...others] = attributedRegions(map, asItIs, exact);
  expect(others).toEqual([]);
  expect(region!.polygon).toEqual([
    [2, 1],
    [5, 1],
    [5, 3],
    [2, 3],
    [2, 1],
  ]);
  expect(region).toMatchObject({ area: 6, share: 1, mean: 1, maximum: 1 });
});

test("pieces that touch at a corner are two; negative attribution is none", () => {
  const map = drawn(["##..--", "##..--", "..#...", "......"]);
  const regions = attributedRegions(map, asItIs, exact);
  expect(regions.map((region) => region.area)).toEqual([4, 1]);
  expect(regions.map((region) => region.share)).toEqual([0.8, 0.2].map((share) => expect.closeTo(share, 6) as number));
});

test("the polygon lies in the image's own pixels", () => {
  const map = drawn(["....", ".##.", ".##.", "...."]);
  // The network saw the middle 400 × 400 of an 800 × 400 image in four pixels.
  const framing = frame(800, 400, { width: 4, height: 4 });
  const [region] = attributedRegions(map, (x, y) => toImagePoint(framing, x, y), exact);
  expect(region!.polygon).toEqual([
    [300, 100],
    [500, 100],
    [500, 300],
    [300, 300],
    [300, 100],
  ]);
});

test("without attribution there is no region", () => {
  const map = drawn(["....", "...."]);
  expect(attributedRegions(map, asItIs)).toEqual([]);
});

test("any drawing: rings are closed, and enclose as many pixels as the piece has (holes filled), give or take the simplification", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(".", "#", "#"), { minLength: 64, maxLength: 64 }), (dots) => {
      const map = drawn(Array.from({ length: 8 }, (_, y) => dots.slice(8 * y, 8 * y + 8).join("")));
      for (const { polygon, area: count } of attributedRegions(map, asItIs, { ...exact, most: 64 })) {
        expect(polygon.at(-1)).toEqual(polygon[0]);
        expect(area(polygon)).toBeGreaterThanOrEqual(count - 0.5 * polygon.length * 8);
        for (const [x, y] of polygon) expect(x >= 0 && y >= 0 && x <= 8 && y <= 8).toBe(true);
      }
    }),
  );
});

test("noise is smoothed into few regions", () => {
  let state = 3;
  const data = Float32Array.from({ length: 224 * 224 }, (_, i) => {
    state = (state * 48271) % 2147483647;
    return (state / 2147483647) * Math.exp(-(((i % 224) - 90) ** 2 + (Math.floor(i / 224) - 120) ** 2) / 900);
  });
  const map = { width: 224, height: 224, data };
  const regions = attributedRegions(map, asItIs);
  expect(regions.length).toBeLessThanOrEqual(3);
  const [x, y] = regions[0]!.polygon.reduce(
    ([sx, sy], [px, py]) => [sx + px / regions[0]!.polygon.length, sy + py / regions[0]!.polygon.length],
    [0, 0],
  );
  expect(Math.hypot(x - 90, y - 120)).toBeLessThan(15);
});

const level = (x: number, y: number): number => x + 10 * y;

describe("tiles", () => {
  test("cover every pixel and never leave the image", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 90 }),
        fc.integer({ min: 1, max: 90 }),
        fc.integer({ min: 4, max: 40 }),
        (width, height, side) => {
          const covered = new Uint8Array(width * height);
          for (const { left, top, width: w, height: h } of tilesOf(width, height, side)) {
            expect(left >= 0 && top >= 0 && left + w <= width && top + h <= height).toBe(true);
            for (let y = top; y < top + h; y++) covered.fill(1, y * width + left, y * width + left + w);
          }
          expect(covered.every((flag) => flag === 1)).toBe(true);
        },
      ),
    );
  });

  test("cut and joined again, a map is what it was", () => {
    const [width, height] = [25, 18];
    const parts = tilesOf(width, height, 8).map((tile) => ({
      tile,
      map: {
        width: tile.width,
        height: tile.height,
        data: Float32Array.from({ length: tile.width * tile.height }, (_, i) =>
          level(tile.left + (i % tile.width), tile.top + Math.floor(i / tile.width)),
        ),
      },
    }));
    const joined = new JoinedTiles(width, height);
    for (const { tile, map } of parts) joined.add(tile, map);
    joined.finish().data.forEach((value, i) => expect(value).toBeCloseTo(level(i % width, Math.floor(i / width)), 3));
  });

  test("a tile holds the image's pixels", () => {
    const image = { width: 5, height: 4, data: Uint8Array.from({ length: 60 }, (_, i) => i) };
    expect([...crop(image, { left: 3, top: 2, width: 2, height: 2 }).data]).toEqual([
      39, 40, 41, 42, 43, 44, 54, 55, 56, 57, 58, 59,
    ]);
    expect(() => crop(image, { left: 4, top: 0, width: 2, height: 2 })).toThrow(
      expect.objectContaining({ code: "image.tile" }),
    );
  });

  test("a map grows smoothly and keeps its values", () => {
    const grown = resizeMap({ width: 2, height: 1, data: Float32Array.of(0, 1) }, 4, 1);
    expect([...grown.data]).toEqual([0, 0.25, 0.75, 1]);
  });
});
