import { annotations } from "../../lib/report/geojson";
import { mapOf, shrink } from "../../lib/report/map-layer";
import { writeNpy } from "../../lib/imaging/drawing/npy";
import { sampleBatch } from "./sample-batch";

const { results } = sampleBatch("b", [{ name: "a.png", thumbnail: new Uint8Array() }]);
const [result] = results.values();

interface Feature {
  type: string;
  id: string;
  geometry: { type: string; coordinates: [number, number][][] };
  properties: Record<string, unknown>;
}

/** A square of attribution at (8..15, 4..11) of a 32 × 32 map, and a negative one beside it. */
const map = {
  width: 32,
  height: 32,
  data: Float32Array.from({ length: 1024 }, (_, i) => {
    const [x, y] = [i % 32, Math.floor(i / 32)];
    return y >= 4 && y < 12 ? (x >= 8 && x < 16 ? 2 : x >= 20 && x < 28 ? -2 : 0) : 0;
  }),
};

test("a region becomes an annotation in the image's pixels, as QuPath reads them", () => {
  const collection = JSON.parse(annotations(result!, [{ method: "integrated-gradients", map }])) as {
    type: string;
    features: Feature[];
  };
  expect(collection.type).toBe("FeatureCollection");
  expect(collection.features).toHaveLength(1);
  const [feature] = collection.features;
  expect(feature).toMatchObject({
    type: "Feature",
    geometry: { type: "Polygon" },
    properties: {
      objectType: "annotation",
      name: "integrated-gradients 1",
      isLocked: false,
      classification: { name: result!.prediction.className, color: expect.any(Array) as unknown },
    },
  });
  expect(feature!.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  const measurements = feature!.properties["measurements"] as Record<string, number>;
  expect(measurements["Attribution share"]).toBeCloseTo(1, 5);
  expect(measurements["Class score"]).toBeCloseTo(result!.prediction.probability, 6);
  const [ring] = feature!.geometry.coordinates;
  expect(ring!.at(-1)).toEqual(ring![0]);
  // The network saw 1536 × 1536 pixels from (256, 0): a pixel of the map is 48 of the image.
  const [xs, ys] = [ring!.map(([x]) => x), ring!.map(([, y]) => y)];
  expect([Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)]).toEqual([
    256 + 8 * 48,
    256 + 16 * 48,
    4 * 48,
    12 * 48,
  ]);
  for (const colour of (feature!.properties["classification"] as { color: number[] }).color)
    expect(colour >= 0 && colour <= 255).toBe(true);
});

test("the same result gives the same file, and no attribution an empty one", () => {
  expect(annotations(result!, [{ method: "grad-cam", map }])).toBe(annotations(result!, [{ method: "grad-cam", map }]));
  expect(
    JSON.parse(annotations(result!, [{ method: "grad-cam", map: { ...map, data: new Float32Array(1024) } }])),
  ).toEqual({ type: "FeatureCollection", features: [] });
});

test("stored maps are read with leading ones, and shrunk by area", () => {
  expect(mapOf(writeNpy({ shape: [1, 1, 2, 3], data: new Float32Array(6) }))).toMatchObject({ width: 3, height: 2 });
  expect(() => mapOf(writeNpy({ shape: [3, 2, 3], data: new Float32Array(18) }))).toThrow(
    expect.objectContaining({ code: "map.shape" }),
  );
  const small = shrink({ width: 6, height: 3, data: Float32Array.from({ length: 18 }, (_, i) => i) }, 4);
  expect([small.width, small.height]).toEqual([4, 2]);
  expect(small.data.reduce((sum, value) => sum + value) / 8).toBeCloseTo(8.5, 4);
});
