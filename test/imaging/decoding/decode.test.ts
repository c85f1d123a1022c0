import * as fc from "fast-check";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { ImageError } from "../../../lib/contract/errors";
import type { Region } from "../../../lib/contract/region";
import { decode, openRegions } from "../../../lib/imaging/decoding/decode";
import { defaultLimits } from "../../../lib/imaging/decoding/limits";
import { sharp } from "../../../lib/imaging/decoding/loaders";
import { describeWithReference } from "../../reference";
import { pillowFile, type pillowFiles } from "./pillow-files";
import { readByteTensors } from "../safetensors";
import { readRgbPng } from "./png-reader";

const width = 7;
const height = 5;
const positions = Array.from({ length: width * height }, (_, i) => [i % width, Math.floor(i / width)] as const);
const colour = ([x, y]: readonly [number, number]): number[] => [36 * x, 60 * y, 20 * (x + y)];
const luma = (position: readonly [number, number]): number =>
  colour(position).reduce((sum, level, i) => sum + level * [0.299, 0.587, 0.114][i]!, 0);
const onWhite =
  (opacity: number) =>
  (level: number): number =>
    (level * opacity + 255 * (255 - opacity)) / 255;

const farthest = (data: Uint8Array, expected: number[]): number =>
  expected.reduce((most, level, i) => Math.max(most, Math.abs(level - data[i]!)), 0);

describe("files by other hands (Pillow)", () => {
  const plain = positions.flatMap(colour);
  const red = positions.flatMap(([x]) => [36 * x, 36 * x, 36 * x]);
  test.each<[keyof typeof pillowFiles, number[], number]>([
    ["bmp-24", plain, 0],
    ["bmp-32", plain, 0],
    ["bmp-8-grey", positions.flatMap((p) => [luma(p), luma(p), luma(p)]), 1],
    ["tiff-lzw", plain, 0],
    ["tiff-bigtiff", plain, 0],
    ["tiff-pages", plain, 0],
    ["webp", plain, 0],
    ["png-16", red, 1],
    ["tiff-16", red, 1],
    ["png-grey", positions.flatMap((p) => [luma(p), luma(p), luma(p)]), 1],
    ["png-alpha", positions.flatMap((p) => colour(p).map(onWhite(40 * p[0]))), 2],
  ])("%s", async (name, expected, tolerance) => {
    const image = await decode(pillowFile(name));
    expect(image).toMatchObject({ width, height, format: name.split("-")[0] });
    expect(image.data).toHaveLength(expected.length);
    expect(farthest(image.data, expected)).toBeLessThanOrEqual(tolerance);
  });

  test("black and white, and a palette of sixteen", async () => {
    const bilevel = await decode(pillowFile("bmp-1"));
    expect([...bilevel.data]).toEqual(
      positions.flatMap((p) => Array.from<number>({ length: 3 }).fill(luma(p) >= 128 ? 255 : 0)),
    );
    expect(farthest((await decode(pillowFile("bmp-8-palette"))).data, plain)).toBeLessThan(60);
  });

  test("EXIF orientation 6 turns the image a quarter clockwise", async () => {
    const image = await decode(pillowFile("png-exif6"));
    expect(image).toMatchObject({ width: height, height: width });
    const turned = Array.from({ length: width * height }, (_, i) =>
      colour([Math.floor(i / height), height - 1 - (i % height)]),
    ).flat();
    expect([...image.data]).toEqual(turned);
  });

  test("warnings say what was done, and a microscope's resolution is read", async () => {
    expect(await decode(pillowFile("tiff-pages"))).toMatchObject({
      warnings: ["the first of 2 pages was used: the others were not looked at"],
      micronsPerPixel: 0.5,
    });
    expect((await decode(pillowFile("png-16"))).warnings).toEqual(["16 bits a channel were scaled to 8"]);
    expect((await decode(pillowFile("png-alpha"))).warnings).toEqual(["transparency was composited on white"]);
    expect((await decode(pillowFile("bmp-24"))).micronsPerPixel).toBeCloseTo(0.25, 4);
    expect((await decode(pillowFile("png-grey"))).micronsPerPixel).toBeUndefined();
  });
});

describe("files made by libvips", () => {
  const raw = Uint8Array.from(
    { length: 300 * 200 * 3 },
    (_, i) => 120 + 100 * Math.sin(i / 3 / 47) * Math.cos((i % 3) + i / 90_000),
  );
  const source = () => sharp(raw, { raw: { width: 300, height: 200, channels: 3 } });

  test("tiled and pyramidal TIFF are read whole", async () => {
    const image = await decode(
      await source()
        .tiff({ tile: true, tileWidth: 64, tileHeight: 64, pyramid: true, compression: "deflate" })
        .toBuffer(),
    );
    expect(image).toMatchObject({ width: 300, height: 200 });
    expect(Buffer.compare(image.data, raw)).toBe(0);
  });

  test.each(["jpeg", "tiff"] as const)("CMYK %s becomes sRGB", async (format) => {
    const image = await decode(
      await sharp({ create: { width: 9, height: 9, channels: 3, background: "#c81e5a" } })
        .toColourspace("cmyk")
        .toFormat(format)
        .toBuffer(),
    );
    expect(image.warnings).toContain("CMYK was converted to sRGB without its profile: the colours are approximate");
    expect(farthest(image.data, [200, 30, 90])).toBeLessThan(25);
  });

  test.each(["jpeg", "png", "webp"] as const)("bytes after the end of a %s are ignored, and told", async (format) => {
    const whole = await source().toFormat(format).toBuffer();
    const image = await decode(Buffer.concat([whole, Buffer.from("x".repeat(1001))]));
    expect(image).toMatchObject({ width: 300, height: 200 });
    expect(image.warnings).toEqual([expect.stringMatching(/^100[01] bytes after the end of the image were ignored$/)]);
    expect((await decode(whole)).warnings).toEqual([]);
  });

  test.each(["jpeg", "png", "webp", "tiff"] as const)(
    "a %s cut anywhere is refused, never half-read",
    async (format) => {
      const whole = await source()
        .toFormat(format, { progressive: format === "jpeg" })
        .toBuffer();
      for (const share of [0.1, 0.3, 0.5, 0.8, 0.95, 0.999]) {
        const cut = whole.subarray(0, Math.floor(whole.length * share));
        await expect(decode(cut)).rejects.toMatchObject({
          code: expect.stringMatching(/^image\.(truncated|corrupt)$/) as string,
        });
      }
    },
  );

  test("a JPEG whose rest was never written (zeros) is refused", async () => {
    const whole = await source().jpeg().toBuffer();
    const holed = Buffer.from(whole).fill(0, whole.length >> 1);
    await expect(decode(holed)).rejects.toMatchObject({ code: "image.truncated" });
  });
});

describe("what is not on the list is refused by its content, whatever its name", () => {
  test.each<[string, string, Buffer | string]>([
    ["nothing", "image.empty", ""],
    ["HTML", "image.format-refused", "<!DOCTYPE html><html><body>404</body></html>"],
    ["SVG", "image.format-refused", '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'],
    [
      "SVG behind an XML declaration",
      "image.format-refused",
      '<?xml version="1.0"?>\n<!-- drawn -->\n<svg width="9" height="9"/>',
    ],
    ["XML", "image.format-refused", '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'],
    ["GIF", "image.format-refused", "GIF89a\x01\x00\x01\x00"],
    ["PDF", "image.format-refused", "%PDF-1.7\n"],
    ["ZIP", "image.format-refused", "PK\x03\x04aaaa"],
    ["text", "image.not-an-image", "image,label\n1.png,3\n"],
    ["noise", "image.not-an-image", Buffer.from([1, 2, 3, 4, 5, 6, 7, 8])],
    ["a float TIFF", "image.unsupported", pillowFile("tiff-float")],
  ])("%s", async (_, code, content) => {
    await expect(decode(Buffer.from(content as string, "latin1"))).rejects.toMatchObject({
      code,
      message: expect.stringContaining("Expected") as string,
    });
  });

  test("libvips itself would not load them either", async () => {
    await expect(
      sharp(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')).png().toBuffer(),
    ).rejects.toThrow();
    await expect(sharp(path.join(__dirname, "no-such-file.png")).metadata()).rejects.toThrow();
  });
});

describe("size", () => {
  test("a PNG that claims 50,000 × 50,000 pixels is refused by its header", async () => {
    const bomb = Buffer.from(pillowFile("png-grey"));
    bomb.writeUInt32BE(50_000, 16);
    bomb.writeUInt32BE(50_000, 20);
    await expect(decode(bomb)).rejects.toMatchObject({
      code: expect.stringMatching(/image\.(too-large|corrupt)/) as string,
    });
    // With the header's checksum mended, so that only the size is wrong.
    const solid = await sharp({ create: { width: 12_000, height: 9_000, channels: 3, background: "#fff" } })
      .png()
      .toBuffer();
    expect(solid.length).toBeLessThan(1_000_000);
    await expect(decode(solid)).rejects.toMatchObject({ code: "image.too-large" });
  });

  test("a file larger than the limit is not even looked at", async () => {
    await expect(decode(Buffer.alloc(2000), { ...defaultLimits, bytes: 1999 })).rejects.toMatchObject({
      code: "image.too-large",
    });
  });
});

const decodeRegion = async (bytes: Uint8Array, region: Region) => (await openRegions(bytes)).read(region);

describe("a rectangle of an image", () => {
  const tile = { left: 2, top: 1, width: 3, height: 4 };
  const expected = Array.from({ length: 12 }, (_, i) => colour([2 + (i % 3), 1 + Math.floor(i / 3)])).flat();
  test.each(["tiff-lzw", "tiff-bigtiff", "bmp-24", "webp"] as const)("of %s", async (name) => {
    const image = await decodeRegion(pillowFile(name), tile);
    expect(image).toMatchObject({ width: 3, height: 4 });
    expect([...image.data]).toEqual(expected);
    await expect(decodeRegion(pillowFile(name), { ...tile, left: 5 })).rejects.toMatchObject({ code: "image.tile" });
  });

  test("of an image that is too large as a whole", async () => {
    const wide = await sharp({ create: { width: 12_000, height: 9_000, channels: 3, background: "#0a141e" } })
      .tiff({ tile: true, tileWidth: 256, tileHeight: 256, compression: "deflate" })
      .toBuffer();
    await expect(decode(wide)).rejects.toMatchObject({ code: "image.too-large" });
    const image = await decodeRegion(wide, { left: 11_000, top: 8_000, width: 300, height: 200 });
    expect(image.data).toHaveLength(300 * 200 * 3);
    expect([...image.data.subarray(0, 3)]).toEqual([10, 20, 30]);
    await expect(decodeRegion(wide, { left: 0, top: 0, width: 12_000, height: 9_000 })).rejects.toMatchObject({
      code: "image.too-large",
    });
  });
});

test("damage anywhere ends in an image or an ImageError", async () => {
  const names = ["png-alpha", "png-16", "tiff-lzw", "tiff-bigtiff", "tiff-pages", "webp", "bmp-8-palette"] as const;
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...names),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 }),
      async (name, edits) => {
        const bytes = pillowFile(name);
        for (const [at, value] of edits) bytes[at % bytes.length] = value;
        await decode(bytes, { ...defaultLimits, pixels: 1_000_000 }).then(
          (image) => expect(image.data).toHaveLength(image.width * image.height * 3),
          (error: unknown) => expect(error).toBeInstanceOf(ImageError),
        );
      },
    ),
    { numRuns: 300 },
  );
});

describeWithReference("real cells", (reference) => {
  const tensors = reference
    ? readByteTensors(path.join(reference, "oracle", "preprocess", "cases.safetensors"))
    : new Map<string, { shape: number[]; data: Uint8Array }>();
  // The data may be replaced by others: what Pillow saw then tells nothing of a file that is gone.
  const files = [...tensors.keys()]
    .filter((name) => /\.(png|jpg)\/source$/.test(name))
    .map((name) => name.replace("/source", ""))
    .filter((name) => existsSync(path.join(reference, "data", name)));
  test.each(files)("%s decodes to the pixels that Pillow sees", async (name) => {
    const { shape, data } = tensors.get(`${name}/source`)!;
    const image = await decode(readFileSync(path.join(reference, "data", name)));
    expect([image.height, image.width, 3]).toEqual(shape);
    const off = data.reduce((count, level, i) => count + (Math.abs(level - image.data[i]!) > 1 ? 1 : 0), 0);
    expect(off / data.length).toBeLessThan(0.001);
  });

  test("a cell of each class in cells.csv decodes to the pixels in its file", async () => {
    const cric = path.join(reference, "data", "cric");
    const [header = "", ...lines] = readFileSync(path.join(cric, "cells.csv"), "utf8").trim().split(/\r?\n/);
    const at = (name: string): number => header.split(",").indexOf(name);
    const rows = lines.map((line) => line.split(","));
    const firsts = new Map(rows.toReversed().map((row) => [row[at("class")]!, row[at("cell")]!]));
    expect(firsts.size).toBeGreaterThan(1);
    for (const [name, cell] of firsts) {
      const file = readFileSync(path.join(cric, name, `${cell}.png`));
      const { width, height, data } = readRgbPng(file);
      const image = await decode(file);
      expect(image).toMatchObject({ width, height, warnings: [] });
      expect(Buffer.compare(image.data, data)).toBe(0);
    }
  });
});
