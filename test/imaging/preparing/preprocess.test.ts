import { readFileSync } from "node:fs";
import path from "node:path";
import type { RgbImage } from "../../../lib/imaging/image";
import { grey, maskBright, otsuThreshold } from "../../../lib/imaging/preparing/otsu";
import { cropToFrame, frame, normalise, seenRegion, toImagePoint } from "../../../lib/imaging/preparing/preprocess";
import { resizeBilinear } from "../../../lib/imaging/preparing/resample";
import { describeWithReference } from "../../reference";
import { readByteTensors } from "../safetensors";

describeWithReference("preprocessing against Pillow, torchvision and OpenCV", (reference) => {
  const folder = path.join(reference, "oracle", "preprocess");
  const facts = reference
    ? (JSON.parse(readFileSync(path.join(folder, "cases.json"), "utf8")) as Record<
        string,
        { otsu: number; masked_pixels: number }
      >)
    : {};
  const tensors = reference ? readByteTensors(path.join(folder, "cases.safetensors")) : new Map<string, never>();
  const source = (name: string): RgbImage => {
    const { shape, data } = tensors.get(`${name}/source`)!;
    return { height: shape[0]!, width: shape[1]!, data };
  };

  test.each(Object.keys(facts))("%s: resize and crop are equal to the last bit", (name) => {
    const image = source(name);
    const crop = cropToFrame(image, frame(image.width, image.height, square));
    expect(Buffer.compare(crop.data, tensors.get(`${name}/crop224`)!.data)).toBe(0);
  });

  test.each(Object.keys(facts))("%s: grey, Otsu's threshold and the mask are equal", (name) => {
    const image = source(name);
    const levels = grey(image);
    expect(Buffer.compare(levels, tensors.get(`${name}/grey`)!.data)).toBe(0);
    expect(otsuThreshold(levels)).toBe(facts[name]!.otsu);
    expect(Buffer.compare(maskBright(image).data, tensors.get(`${name}/masked`)!.data)).toBe(0);
    expect(levels.filter((level) => level >= facts[name]!.otsu)).toHaveLength(facts[name]!.masked_pixels);
  });
});

const square = { width: 224, height: 224 };

describe("framing", () => {
  test.each([
    // width, height, resized width, resized height, left, top; offsets of half a pixel go to the even side
    [2048, 1536, 298, 224, 37, 0],
    [100, 100, 224, 224, 0, 0],
    [300, 901, 224, 672, 0, 224],
    [225, 224, 225, 224, 0, 0],
    [227, 224, 227, 224, 2, 0],
    [224, 229, 224, 229, 0, 2],
  ])("%i × %i becomes %i × %i, cut at (%i, %i)", (width, height, resizedWidth, resizedHeight, left, top) => {
    expect(frame(width, height, square)).toMatchObject({ resizedWidth, resizedHeight, left, top });
  });

  test("a network that is not square loses what its shape does not hold", () => {
    expect(frame(400, 400, { width: 320, height: 160 })).toMatchObject({
      resizedWidth: 320,
      resizedHeight: 320,
      left: 0,
      top: 80,
    });
    expect(frame(1000, 400, { width: 320, height: 160 })).toMatchObject({
      resizedWidth: 400,
      resizedHeight: 160,
      left: 40,
      top: 0,
    });
  });

  test("points of the network's input go back to the whole image", () => {
    const framing = frame(448, 224, square);
    expect(toImagePoint(framing, 0, 0)).toEqual([112, 0]);
    expect(toImagePoint(framing, 224, 224)).toEqual([336, 224]);
    expect(seenRegion(framing)).toEqual({ left: 112, top: 0, width: 224, height: 224 });
  });

  test("what is seen never leaves the image", () => {
    for (const [width, height] of [
      [17, 23],
      [301, 299],
      [1, 1],
      [1, 500],
      [997, 3],
    ] as const) {
      const seen = seenRegion(frame(width, height, square));
      expect(Math.min(seen.left, seen.top)).toBeGreaterThanOrEqual(0);
      expect(seen.left + seen.width).toBeLessThanOrEqual(width);
      expect(seen.top + seen.height).toBeLessThanOrEqual(height);
    }
  });
});

describe("resizing", () => {
  test("a flat image stays flat at any size", () => {
    const flat: RgbImage = { width: 7, height: 5, data: new Uint8Array(7 * 5 * 3).fill(201) };
    for (const [width, height] of [
      [1, 1],
      [3, 2],
      [7, 5],
      [50, 41],
    ] as const) {
      expect(new Set(resizeBilinear(flat, width, height).data)).toEqual(new Set([201]));
    }
  });

  test("the same size changes nothing", () => {
    const data = Uint8Array.from({ length: 11 * 9 * 3 }, (_, i) => (i * 7919) % 256);
    expect(resizeBilinear({ width: 11, height: 9, data }, 11, 9).data).toEqual(data);
  });
});

describe("normalisation", () => {
  const pixels: RgbImage = { width: 2, height: 1, data: Uint8Array.of(0, 128, 255, 10, 20, 30) };

  test("channels first, ImageNet's mean and deviation, in float32", () => {
    const tensor = normalise(pixels);
    const expected = [0, 10, 128, 20, 255, 30].map(
      (level, i) => (level / 255 - [0.485, 0.456, 0.406][i >> 1]!) / [0.229, 0.224, 0.225][i >> 1]!,
    );
    tensor.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 6));
  });

  test("a card's own scale, order and layout", () => {
    const plain = { scale: 1, mean: [0], std: [1] };
    expect([...normalise(pixels, plain)]).toEqual([0, 10, 128, 20, 255, 30]);
    expect([...normalise(pixels, { ...plain, channels: "BGR" })]).toEqual([255, 30, 128, 20, 0, 10]);
    expect([...normalise(pixels, { ...plain, layout: "NHWC" })]).toEqual([0, 128, 255, 10, 20, 30]);
    expect([...normalise(pixels, { ...plain, channels: "grey" })]).toEqual([104, 18]);
    expect([...normalise(pixels, { scale: 1, mean: [1, 2, 3], std: [1, 2, 3] })]).toEqual([-1, 9, 63, 9, 84, 9]);
  });
});
