import { divergingColours, distance, sequentialColours } from "../../../lib/imaging/drawing/colour-maps";
import { renderFigure } from "../../../lib/imaging/drawing/figure";
import { formatValue, renderHeatLayer, renderHeatmap, scaleBarHeight } from "../../../lib/imaging/drawing/heatmap";
import type { FloatMap, RgbImage } from "../../../lib/imaging/image";
import { sharp } from "../../../lib/imaging/decoding/loaders";
import { scaleOf } from "../../../lib/imaging/drawing/map-scale";
import { fromSrgb, type Oklab } from "../../../lib/imaging/drawing/oklab";
import { overlay, renderOverlay } from "../../../lib/imaging/drawing/overlay";

const side = 64;
const map = (value: (x: number, y: number) => number): FloatMap => ({
  width: side,
  height: side,
  data: Float32Array.from({ length: side * side }, (_, i) => value(i % side, Math.floor(i / side))),
});
const spot =
  (cx: number, cy: number) =>
  (x: number, y: number): number =>
    Math.exp(-((x - cx) ** 2 + (y - cy) ** 2) / 60);
const seen: RgbImage = { width: side, height: side, data: new Uint8Array(side * side * 3).fill(180) };

/** Reads a PNG with libpng, which nobody here wrote. */
async function pixels(
  png: Uint8Array,
): Promise<{ width: number; height: number; at: (x: number, y: number) => number[] }> {
  const { data, info } = await sharp(png).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  return {
    width: info.width,
    height: info.height,
    at: (x, y) => [...data.subarray((y * info.width + x) * 4, (y * info.width + x) * 4 + 4)],
  };
}

const asOklab = ({ steps, data }: { steps: number; data: Uint8Array }): Oklab[] =>
  Array.from({ length: steps }, (_, i) => fromSrgb([data[3 * i]!, data[3 * i + 1]!, data[3 * i + 2]!]));

describe("colour maps", () => {
  test("sequential: equal steps look equally far apart, and lightness only rises", () => {
    const colours = asOklab(sequentialColours(33));
    const steps = colours.slice(1).map((colour, i) => distance(colours[i]!, colour));
    const mean = steps.reduce((sum, step) => sum + step) / steps.length;
    for (const step of steps) expect(Math.abs(step / mean - 1)).toBeLessThan(0.1);
    colours.slice(1).forEach((colour, i) => expect(colour[0]).toBeGreaterThan(colours[i]![0]));
  });

  test("diverging: both arms are even, alike in lightness, and far from each other", () => {
    const colours = asOklab(divergingColours(41));
    for (let i = 0; i < 20; i++) {
      expect(Math.abs(colours[i]![0] - colours[40 - i]![0])).toBeLessThan(0.02);
      expect(distance(colours[i]!, colours[40 - i]!)).toBeGreaterThan(0.12);
    }
    const steps = colours.slice(1, 20).map((colour, i) => distance(colours[i]!, colour));
    expect(Math.max(...steps) / Math.min(...steps)).toBeLessThan(1.3);
  });
});

describe("heatmaps", () => {
  test("transparent where nothing is attributed, opaque and light at the peak", async () => {
    const picture = await pixels(renderHeatmap(map(spot(20, 30)), false));
    expect([picture.width, picture.height]).toEqual([side, side + scaleBarHeight]);
    expect(picture.at(63, 0)[3]).toBe(0);
    const [red, green, , opacity] = picture.at(20, 30);
    expect(opacity).toBe(255);
    expect(Math.min(red!, green!)).toBeGreaterThan(200);
  });

  test("positive and negative are told apart", async () => {
    const picture = await pixels(
      renderHeatmap(
        map((x, y) => spot(16, 32)(x, y) - spot(48, 32)(x, y)),
        true,
      ),
    );
    const [positive, negative] = [picture.at(16, 32), picture.at(48, 32)];
    expect(positive[0]! - positive[2]!).toBeGreaterThan(100);
    expect(negative[2]! - negative[0]!).toBeGreaterThan(100);
    expect(picture.at(32, 2)[3]).toBe(0);
  });

  test("the scale bar runs from end to end with its values below", async () => {
    const picture = await pixels(renderHeatmap(map(spot(20, 30)), false));
    const middle = side + 8;
    expect(picture.at(4, middle)).toEqual([255, 255, 255, 255]);
    expect(
      picture
        .at(side - 5, middle)
        .slice(0, 2)
        .every((level) => level > 200),
    ).toBe(true);
    let ink = 0;
    for (let y = side + 17; y < side + 24; y++) for (let x = 0; x < side; x++) if (picture.at(x, y)[0]! < 100) ink++;
    expect(ink).toBeGreaterThan(20);
    expect([0, 0.73, 1, 12, 0.00042, 123456].map(formatValue)).toEqual(["0", "0.73", "1", "12", "4.2E-4", "1.2E5"]);
  });

  test("one extreme pixel in a hundred does not darken the rest", () => {
    const noisy = map((x, y) => (x === 0 && y < 30 ? 1000 : (x + y) / 126));
    expect(scaleOf(noisy, false).limit).toBeLessThan(1.01);
    const alone = map((x, y) => (x === 5 && y === 5 ? 3 : 0));
    expect(scaleOf(alone, false).limit).toBe(3);
  });

  test("a map of zeros is empty, and one with NaN is refused", async () => {
    const picture = await pixels(
      renderHeatLayer(
        map(() => 0),
        true,
      ),
    );
    for (let i = 0; i < side; i++) expect(picture.at(i, i)[3]).toBe(0);
    expect(() =>
      renderHeatmap(
        map((x) => (x === 3 ? Number.NaN : 1)),
        false,
      ),
    ).toThrow(expect.objectContaining({ code: "explanation.not-finite" }));
  });
});

describe("overlays", () => {
  test("the picture stays as it is where nothing is attributed", async () => {
    const picture = await pixels(await renderOverlay(seen, map(spot(20, 30)), false));
    expect(picture.at(60, 3)).toEqual([180, 180, 180, 255]);
    expect(picture.at(20, 30)).not.toEqual([180, 180, 180, 255]);
  });

  test("a map of another shape is refused", () => {
    expect(() => overlay(seen, { width: 7, height: 7, data: new Float32Array(49) }, false)).toThrow(
      expect.objectContaining({ code: "map.shape" }),
    );
  });

  test("the study's figure: three columns, a row a method", async () => {
    const rows = ["gradient", "integrated gradients"].map((title) => ({ title, map: map(spot(20, 30)), signed: true }));
    const { width, height } = await sharp(await renderFigure(seen, rows)).metadata();
    expect(width).toBe(16 + 3 * (448 + 16));
    expect(height).toBe(16 + 2 * (24 + 448 + 16));
  });
});
