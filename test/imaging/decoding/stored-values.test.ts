import { decode, openRegions } from "../../../lib/imaging/decoding/decode";
import { darker, drawnCell, greyOf, spread, withExtra } from "./drawn-cell";
import { type TiffPage, writeTiff } from "./tiff-writer";

const [width, height] = [24, 18];
const size = { width, height };
const colours = drawnCell(width, height);
const grey = greyOf(colours);

const read = (page: TiffPage | TiffPage[], options = {}) => decode(writeTiff([page].flat(), options));
const levels = (image: { data: Uint8Array }): number[] => [...image.data];

describe("values of fewer bits than are stored", () => {
  test.each([10, 12, 14])("%i bits in 16 give the picture of its 8-bit twin, and say so", async (bits) => {
    const image = await read({ ...size, bits: 16, samples: colours.map(darker(bits)) });
    expect(levels(image)).toEqual(colours);
    expect(image.warnings).toEqual([
      expect.stringMatching(
        new RegExp(`^values end at \\d+ of 65535: taken as ${bits} bits in 16, so that ${2 ** bits - 1} is white`),
      ),
    ]);
  });

  test("grey, too; and where the smallest value is white", async () => {
    const samples = grey.map(darker(12));
    expect(levels(await read({ ...size, bits: 16, samples }))).toEqual(spread(grey));
    const negative = samples.map((value) => 4095 - value);
    expect(levels(await read({ ...size, bits: 16, samples: negative, photometric: 0 }))).toEqual(spread(grey));
  });

  test("MaxSampleValue and OME's SignificantBits say what is white", async () => {
    const dark = colours.map((value) => value >> 3);
    const tagged = await read({ ...size, bits: 16, samples: dark.map(darker(12)), largestValue: 4095 });
    expect(levels(tagged)).toEqual(dark);
    expect(tagged.warnings).toEqual([expect.stringContaining("4095, which the file states as the largest")]);
    const description = '<OME><Image><Pixels SizeC="1" SizeZ="1" SizeT="1" SignificantBits="12"/></Image></OME>';
    expect(levels(await read({ ...size, bits: 16, samples: dark.map(darker(12)), description }))).toEqual(dark);
    const odd = await read({ ...size, bits: 16, samples: colours.map((value) => value * 4), largestValue: 1199 });
    expect(levels(odd)).toEqual(colours.map((value) => Math.floor((value * 4 * 256) / 1200)));
  });

  test("a largest value that the values exceed is none", async () => {
    const samples = colours.map((value) => value * 257);
    const image = await read({ ...size, bits: 16, samples, largestValue: 100 });
    expect(levels(image)).toEqual(colours);
    expect(image.warnings).toEqual(["16 bits a channel were scaled to 8"]);
  });

  test("a region is read with the whole picture's white, also when it is darker", async () => {
    const picture = await openRegions(writeTiff([{ ...size, bits: 16, samples: colours.map(darker(12)) }]));
    const { data } = await picture.read({ left: 10, top: 8, width: 3, height: 2 });
    expect([...data]).toEqual([8, 9].flatMap((y) => colours.slice(3 * (y * width + 10), 3 * (y * width + 13))));
  });
});

const opacity = (pixel: number): number => (pixel % 5) * 60;
const farthest = (image: { data: Uint8Array }, expected: number[]): number =>
  expected.reduce((most, level, i) => Math.max(most, Math.abs(level - image.data[i]!)), 0);

describe("samples beyond the colours", () => {
  const composited = colours.map((level, i) =>
    Math.round((level * opacity(Math.floor(i / 3)) + 255 * (255 - opacity(Math.floor(i / 3)))) / 255),
  );
  const premultiplied = colours.map((level, i) => Math.round((level * opacity(Math.floor(i / 3))) / 255));

  test.each([
    ["straight", [2]],
    ["premultiplied", [1]],
  ])("an opacity of 0 everywhere (%s) is read as opaque, with a warning", async (_, extraSamples) => {
    const image = await read({ ...size, samples: withExtra(colours, 3, () => [0]), extraSamples });
    expect(levels(image)).toEqual(colours);
    expect(image.warnings).toEqual([
      "opacity is 0 at every pixel, which says nothing: the colours were taken as opaque",
    ]);
  });

  test("an opacity of 255 everywhere needs no word", async () => {
    const image = await read({ ...size, samples: withExtra(colours, 3, () => [255]), extraSamples: [2] });
    expect(levels(image)).toEqual(colours);
    expect(image.warnings).toEqual([]);
  });

  test.each([
    ["straight", 2, colours],
    ["premultiplied", 1, premultiplied],
  ])("real transparency (%s) is laid on white", async (_, kind, base) => {
    const image = await read({ ...size, samples: withExtra(base, 3, (i) => [opacity(i)]), extraSamples: [kind] });
    expect(farthest(image, composited)).toBeLessThanOrEqual(1);
    expect(image.warnings).toEqual(["transparency was composited on white"]);
  });

  test.each([[0], [undefined]])("a fourth sample that is unspecified (%p) is left out", async (kind) => {
    const image = await read({
      ...size,
      samples: withExtra(colours, 3, (i) => [opacity(i)]),
      photometric: 2,
      ...(kind === undefined ? {} : { extraSamples: [kind] }),
    });
    expect(levels(image)).toEqual(colours);
    expect(image.warnings).toEqual([
      "one sample beyond the colours, which the file does not call transparency, left out",
    ]);
  });

  test("five samples: the transparency is found among them", async () => {
    for (const [extraSamples, extra] of [
      [[0, 2], (i: number) => [9, opacity(i)]],
      [[2, 0], (i: number) => [opacity(i), 9]],
    ] as const) {
      const image = await read({
        ...size,
        photometric: 2,
        samples: withExtra(colours, 3, (i) => [...extra(i)]),
        extraSamples,
      });
      expect(farthest(image, composited)).toBeLessThanOrEqual(1);
    }
  });

  test("grey with an unspecified sample, and three samples without colours", async () => {
    const two = await read({ ...size, photometric: 1, samples: withExtra(grey, 1, () => [0]), extraSamples: [0] });
    expect(levels(two)).toEqual(spread(grey));
    const three = await read({ ...size, photometric: 1, samples: colours, extraSamples: [0, 0] });
    expect(levels(three)).toEqual(colours);
    expect(three.warnings).toEqual(["three samples that the file gives no colours were taken as red, green and blue"]);
  });
});
