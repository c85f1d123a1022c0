import * as fc from "fast-check";
import { attributedRegions } from "../../../lib/imaging/drawing/regions";
import { isSimpleRing } from "../../../lib/imaging/drawing/simple-ring";

type Point = readonly [number, number];
const exact = { smoothing: 0, smallestShare: 0 };
const asItIs = (x: number, y: number): Point => [x, y];
const drawn = (rows: string[]) => ({
  width: rows[0]!.length,
  height: rows.length,
  data: Float32Array.from(rows.join(""), (dot) => (dot === "#" ? 1 : 0)),
});

test.each<[string, boolean, Point[]]>([
  [
    "a triangle",
    true,
    [
      [0, 0],
      [2, 0],
      [0, 2],
      [0, 0],
    ],
  ],
  [
    "a horseshoe",
    true,
    [
      [0, 0],
      [3, 0],
      [3, 3],
      [2, 3],
      [2, 1],
      [1, 1],
      [1, 3],
      [0, 3],
      [0, 0],
    ],
  ],
  [
    "a corner in the middle of a side",
    true,
    [
      [0, 0],
      [1, 0],
      [2, 0],
      [2, 2],
      [0, 0],
    ],
  ],
  [
    "a bow tie",
    false,
    [
      [0, 0],
      [2, 2],
      [2, 0],
      [0, 2],
      [0, 0],
    ],
  ],
  [
    "two squares at a corner",
    false,
    [
      [0, 0],
      [1, 0],
      [1, 1],
      [2, 1],
      [2, 2],
      [1, 2],
      [1, 1],
      [0, 1],
      [0, 0],
    ],
  ],
  [
    "a corner on a side that is no neighbour",
    false,
    [
      [0, 0],
      [4, 0],
      [4, 2],
      [2, 0],
      [0, 2],
      [0, 0],
    ],
  ],
  [
    "a way there and back",
    false,
    [
      [0, 0],
      [2, 0],
      [1, 0],
      [1, 1],
      [0, 0],
    ],
  ],
  [
    "a spike at the first corner",
    false,
    [
      [1, 0],
      [0, 0],
      [0, 1],
      [2, 2],
      [2, 0],
      [3, 0],
      [1, 0],
    ],
  ],
  [
    "a point twice",
    false,
    [
      [0, 0],
      [0, 0],
      [2, 0],
      [0, 2],
      [0, 0],
    ],
  ],
  [
    "a line",
    false,
    [
      [0, 0],
      [1, 0],
      [0, 0],
    ],
  ],
])("%s: %p", (_name, simple, ring) => {
  expect(isSimpleRing(ring)).toBe(simple);
  expect(isSimpleRing(ring.toReversed())).toBe(simple);
});

test("a ring whose ends touch at one corner is outlined without its hole, each corner once", () => {
  const map = drawn(["......", ".####.", ".#..#.", ".#..#.", ".###..", "......"]);
  const [region, ...others] = attributedRegions(map, asItIs, exact);
  expect(others).toEqual([]);
  expect(isSimpleRing(region!.polygon)).toBe(true);
  expect(region!.polygon).toContainEqual([4, 4]);
});

test("whatever is drawn, at whatever scale, each polygon is simple", () => {
  const maps = fc.tuple(fc.integer({ min: 3, max: 24 }), fc.integer({ min: 3, max: 24 })).chain(([width, height]) =>
    fc.array(fc.constantFrom(0, 1, 1), { minLength: width * height, maxLength: width * height }).map((dots) => ({
      width,
      height,
      data: Float32Array.from(dots),
    })),
  );
  fc.assert(
    fc.property(maps, fc.constantFrom(0.1, 1, 7.3), (map, scale) => {
      const rounded = (x: number, y: number): Point => [
        Math.round(x * scale * 100) / 100,
        Math.round(y * scale * 100) / 100,
      ];
      for (const { polygon } of attributedRegions(map, rounded, exact)) expect(isSimpleRing(polygon)).toBe(true);
    }),
    { numRuns: 500 },
  );
});
