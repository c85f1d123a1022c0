import * as fc from "fast-check";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { ImageError } from "../../../lib/contract/errors";
import { decode } from "../../../lib/imaging/decoding/decode";
import { defaultLimits } from "../../../lib/imaging/decoding/limits";
import { readTiffDirectories } from "../../../lib/imaging/decoding/tiff-directories";
import { findTiffPicture } from "../../../lib/imaging/decoding/tiff-picture";
import { describeWithReference } from "../../reference";
import { darker, drawnCell, greyOf, withExtra } from "./drawn-cell";
import { type TiffPage, writeTiff } from "./tiff-writer";

const [width, height] = [24, 18];
const size = { width, height };
const colours = drawnCell(width, height);
const grey = greyOf(colours);

const read = (page: TiffPage) => decode(writeTiff([page]));

describe("what cannot be right is refused with a sentence", () => {
  const wide = grey.map((value) => value * 70_000);
  test.each<[string, string, TiffPage, RegExp]>([
    ["signed 8-bit", "image.unsupported", { ...size, samples: grey, sampleFormat: 2 }, /8-bit signed whole numbers/],
    ["signed 16-bit", "image.unsupported", { ...size, samples: grey, bits: 16, sampleFormat: 2 }, /16-bit signed/],
    ["32-bit", "image.unsupported", { ...size, samples: wide, bits: 32 }, /32-bit whole numbers/],
    ["float", "image.unsupported", { ...size, samples: wide, bits: 32, sampleFormat: 3 }, /32-bit floating-point/],
    ["float RGB", "image.unsupported", { ...size, samples: colours, bits: 32, sampleFormat: 3 }, /floating-point/],
    [
      "CMYK and alpha",
      "image.unsupported",
      { ...size, samples: withExtra(colours, 3, () => [0, 255]), photometric: 5, extraSamples: [2] },
      /5 inks/,
    ],
    [
      "inks without names",
      "image.unsupported",
      { ...size, samples: withExtra(colours, 3, () => [0]), photometric: 5, tags: [[332, 3, [2]]] },
      /4 inks/,
    ],
    ["CIELab", "image.unsupported", { ...size, samples: colours, photometric: 8 }, /CIELab/],
    ["plain YCbCr", "image.unsupported", { ...size, samples: colours, photometric: 6 }, /YCbCr/],
    [
      "a pixel of four thousand million samples",
      "image.unsupported",
      { ...size, samples: grey, photometric: 1, tags: [[277, 4, [4_000_000_000]]] },
      /4000000000 samples/,
    ],
    [
      "four samples without colours",
      "image.unsupported",
      { ...size, samples: withExtra(colours, 3, () => [0]), photometric: 1, extraSamples: [0, 0, 0] },
      /fluorescence/,
    ],
    [
      "Zstandard",
      "image.compression",
      { ...size, samples: colours, compression: 50000 },
      /Zstandard.*may well be sound.*tiffcp/,
    ],
    ["JPEG 2000", "image.compression", { ...size, samples: colours, compression: 34712 }, /JPEG 2000/],
    ["JPEG 2000 of Aperio", "image.compression", { ...size, samples: colours, compression: 33003 }, /Aperio/],
    ["an unknown compression", "image.compression", { ...size, samples: colours, compression: 52479 }, /method 52479/],
  ])("%s", async (_, code, page, message) => {
    await expect(read(page)).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string });
  });
});

describe("hostile headers", () => {
  test("pages that form a circle", () => {
    const file = writeTiff([{ ...size, samples: colours }]);
    file.writeUInt32LE(file.readUInt32LE(4), file.length - 4);
    expect(() => readTiffDirectories(file)).toThrow(expect.objectContaining({ code: "image.corrupt" }));
  });

  test("counts beyond the file, and beyond reason", () => {
    const file = writeTiff([{ ...size, samples: colours, description: "x".repeat(50) }]);
    const directory = file.readUInt32LE(4);
    file.writeUInt16LE(65_535, directory);
    expect(() => readTiffDirectories(file)).toThrow(expect.objectContaining({ code: "image.corrupt" }));
    file.writeUInt16LE(4000, directory);
    expect(() => readTiffDirectories(file)).toThrow(ImageError);
  });

  test.each([
    ["digits without end", `Aperio ${"1".repeat(1_000_000)}`],
    ["elements that never close", `<OME><Image><Pixels ${"<Channel ".repeat(100_000)}`],
    ["pixels that never close", `<OME>${"<Image><Pixels ".repeat(60_000)}`],
    ["quotes that never close", `<OME><Image ${'Name="'.repeat(150_000)}`],
  ])(
    "a description of %s does not hold the reader up",
    async (_, description) => {
      expect(
        findTiffPicture(
          writeTiff([
            { ...size, samples: colours, description },
            { ...size, samples: grey },
          ]),
        ).pages,
      ).toEqual([0]);
    },
    3000,
  );

  test("whatever the bytes, the answer is a picture or an ImageError", async () => {
    const seeds = [{}, { big: true }, { motorola: true }].flatMap((options) => [
      writeTiff(
        [
          { ...size, samples: colours, inner: [{ ...size, samples: grey }] },
          { ...size, samples: grey },
        ],
        options,
      ),
      writeTiff([{ ...size, bits: 16, samples: grey.map(darker(12)), photometric: 0, largestValue: 4095 }], options),
      writeTiff(
        [
          {
            ...size,
            samples: withExtra(colours, 3, () => [0]),
            extraSamples: [1],
            description: "ImageJ=1\nchannels=3\n",
            tags: [
              [50838, 4, [12, 768]],
              [50839, 7, Uint8Array.from({ length: 780 }, (_, i) => i & 255)],
            ],
          },
        ],
        options,
      ),
    ]);
    // The directories lie at the end: that is where damage tells.
    const edits = fc.array(fc.tuple(fc.nat(400), fc.constantFrom(0, 1, 2, 3, 4, 8, 16, 64, 127, 128, 254, 255)), {
      minLength: 1,
      maxLength: 8,
    });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...seeds), edits, fc.boolean(), async (seed, list, pixelsToo) => {
        const bytes = Buffer.from(seed);
        for (const [at, value] of list) bytes[at < 16 ? at : bytes.length - at] = value;
        try {
          expect(findTiffPicture(bytes).pages.length).toBeGreaterThan(0);
          if (!pixelsToo) return;
          const image = await decode(bytes, { ...defaultLimits, pixels: 1_000_000 });
          expect(image.data).toHaveLength(image.width * image.height * 3);
        } catch (error) {
          if (!(error instanceof ImageError)) throw error;
        }
      }),
      { numRuns: 1500 },
    );
  });
});

describeWithReference("pictures from bug reports", (reference) => {
  const field = (...parts: string[]): Buffer => readFileSync(path.join(reference, "field", ...parts));
  test.each([
    ["twelve-bit-in-sixteen", "same-in-8-bit.png", ["rgb.tif", "tagged.tif"]],
    ["alpha-zero", "opaque.png", ["alpha0.png", "alpha0.tif", "alpha255.png", "fourth-sample-unspecified.tif"]],
    ["channels-as-pages", "same.png", ["imagej-composite.tif", "ome-cyx.ome.tif"]],
  ])("%s: all files give the picture of %s", async (folder, twin, files) => {
    const expected = await decode(field(folder, twin));
    expect(expected.warnings).toEqual([]);
    for (const file of files) {
      const image = await decode(field(folder, file));
      expect(Buffer.compare(image.data, expected.data)).toBe(0);
      expect(image.warnings).toHaveLength(file === "alpha255.png" ? 0 : 1);
    }
  });

  test("slides: the full picture or a reason, never a label", async () => {
    const folder = path.join(reference, "data", "slides");
    const answers: Record<string, unknown> = {};
    for (const name of readdirSync(folder).filter((one) => /\.(svs|tiff)$/.test(one))) {
      answers[name] = await decode(readFileSync(path.join(folder, name))).then(
        ({ width: w, height: h, warnings }) => [w, h, ...warnings],
        (error: ImageError) => error.code,
      );
    }
    expect(answers).toEqual({
      "CMU-1-Small-Region.svs": [2220, 2967],
      "small.svs": [16, 16],
      "boxes.tiff": [300, 250],
      "unreadable.svs": "image.corrupt",
      "unopenable.tiff": "image.compression",
    });
  });
});
