import * as fc from "fast-check";
import { ImageError } from "../../../lib/contract/errors";
import { decodeBmp } from "../../../lib/imaging/decoding/bmp";
import { type BmpPicture, packRle4, packRle8, writeBmp } from "./bmp-writer";

const size = fc.record({ width: fc.integer({ min: 1, max: 40 }), height: fc.integer({ min: 1, max: 12 }) });
const colour = fc.integer({ min: 0, max: 0xffffff });

/** Red, green, blue of 0xRRGGBB colours. */
const channels = (colours: number[]): number[] =>
  colours.flatMap((value) => [value >> 16, (value >> 8) & 255, value & 255]);

describe("what was written is read", () => {
  test.each([1, 4, 8])("%i bits with a palette, both directions, Windows and OS/2", (bits) => {
    fc.assert(
      fc.property(
        size,
        fc.array(colour, { minLength: 2 ** bits, maxLength: 2 ** bits }),
        fc.boolean(),
        fc.boolean(),
        fc.infiniteStream(fc.nat(2 ** bits - 1)),
        ({ width, height }, palette, topDown, core, stream) => {
          const pixels = Array.from({ length: width * height }, () => stream.next().value as number);
          const decoded = decodeBmp(
            writeBmp({ width, height, bits, palette, pixels, core, topDown: topDown && !core }),
          );
          expect(decoded).toMatchObject({ width, height, warnings: [] });
          expect([...decoded.data]).toEqual(channels(pixels.map((index) => palette[index]!)));
        },
      ),
      { numRuns: 40 },
    );
  });

  test.each([24, 32])("%i bits", (bits) => {
    fc.assert(
      fc.property(size, fc.boolean(), fc.infiniteStream(colour), ({ width, height }, topDown, stream) => {
        const pixels = Array.from({ length: width * height }, () => stream.next().value as number);
        expect([...decodeBmp(writeBmp({ width, height, bits, pixels, topDown })).data]).toEqual(channels(pixels));
      }),
      { numRuns: 40 },
    );
  });

  test.each([
    [8, 1, packRle8],
    [4, 2, packRle4],
  ] as const)("run lengths of %i bits", (bits, compression, pack) => {
    // Few colours, so that runs happen.
    fc.assert(
      fc.property(size, fc.infiniteStream(fc.nat(2)), ({ width, height }, stream) => {
        const palette = Array.from({ length: 2 ** bits }, (_, i) => (i * 0x0f0b07) & 0xffffff);
        const pixels = Array.from({ length: width * height }, () => stream.next().value as number);
        const decoded = decodeBmp(
          writeBmp({ width, height, bits, compression, palette, pixels, packed: pack(width, height, pixels) }),
        );
        expect([...decoded.data]).toEqual(channels(pixels.map((index) => palette[index]!)));
      }),
      { numRuns: 60 },
    );
  });

  test("five bits a channel, and bit fields of 5, 6, 5", () => {
    const plain: BmpPicture = { width: 3, height: 1, bits: 16, pixels: [0x7fff, 0x7c00, 0x0010] };
    expect([...decodeBmp(writeBmp(plain)).data]).toEqual([255, 255, 255, 255, 0, 0, 0, 0, 132]);
    const fields: BmpPicture = {
      ...plain,
      compression: 3,
      masks: [0xf800, 0x07e0, 0x001f],
      pixels: [0xffff, 0x07e0, 0x8000],
    };
    expect([...decodeBmp(writeBmp(fields)).data]).toEqual([255, 255, 255, 0, 255, 0, 132, 0, 0]);
  });

  test("masks in another order, in the header of version 4, with opacity on white", () => {
    const picture: BmpPicture = {
      width: 3,
      height: 1,
      bits: 32,
      compression: 3,
      headerSize: 108,
      masks: [0x000000ff, 0x0000ff00, 0x00ff0000, 0xff000000],
      pixels: [0xff030201, 0x00030201, 0x80000000],
    };
    expect([...decodeBmp(writeBmp(picture)).data]).toEqual([1, 2, 3, 255, 255, 255, 127, 127, 127]);
  });

  test("opacity that is zero everywhere was never meant", () => {
    const picture: BmpPicture = {
      width: 1,
      height: 1,
      bits: 32,
      compression: 3,
      headerSize: 124,
      masks: [0xff0000, 0xff00, 0xff, 0xff000000],
      pixels: [0x00102030],
    };
    expect([...decodeBmp(writeBmp(picture)).data]).toEqual([0x10, 0x20, 0x30]);
  });

  test("moves and skipped pixels are the first colour", () => {
    const palette = [0x111111, 0xff0000];
    const packed = [1, 1, 0, 2, 1, 1, 1, 1, 0, 1]; // one pixel, right one and up one, one pixel
    const decoded = decodeBmp(writeBmp({ width: 3, height: 2, bits: 8, compression: 1, palette, pixels: [], packed }));
    expect([...decoded.data]).toEqual(channels([0x111111, 0x111111, 0xff0000, 0xff0000, 0x111111, 0x111111]));
  });

  test("resolution is passed on, and bytes after the end are told", () => {
    const bytes = writeBmp({ width: 2, height: 1, bits: 24, pixels: [1, 2], pixelsPerMetre: 4_000_000 });
    expect(decodeBmp(Buffer.concat([bytes, Buffer.from("hello")]))).toMatchObject({
      pixelsPerMetre: 4_000_000,
      warnings: ["5 bytes after the end of the image were ignored"],
    });
  });
});

describe("what is wrong is refused", () => {
  const good = writeBmp({ width: 20, height: 10, bits: 24, pixels: Array.from<number>({ length: 200 }).fill(7) });
  const patched = (change: (bytes: Buffer) => void): Buffer => {
    const copy = Buffer.from(good);
    change(copy);
    return copy;
  };

  test.each<[string, string, Buffer]>([
    ["a file cut short", "image.truncated", good.subarray(0, 500)],
    ["a header cut short", "image.truncated", good.subarray(0, 20)],
    ["an unknown compression", "image.corrupt", patched((b) => b.writeUInt32LE(4, 30))],
    ["an odd number of bits", "image.corrupt", patched((b) => b.writeUInt16LE(13, 28))],
    ["a width below zero", "image.corrupt", patched((b) => b.writeInt32LE(-4, 18))],
    ["no rows", "image.corrupt", patched((b) => b.writeInt32LE(0, 22))],
    ["pixels inside the header", "image.corrupt", patched((b) => b.writeUInt32LE(20, 10))],
    ["more pixels than allowed", "image.too-large", patched((b) => b.writeInt32LE(100_000_000, 18))],
    ["the lowest height there is", "image.too-large", patched((b) => b.writeInt32LE(-2147483648, 22))],
    [
      "an index beyond the palette",
      "image.corrupt",
      writeBmp({ width: 1, height: 1, bits: 8, palette: [0, 1], pixels: [2] }),
    ],
    [
      "bit masks in two pieces",
      "image.corrupt",
      writeBmp({ width: 1, height: 1, bits: 16, compression: 3, masks: [0xf00f, 0x07e0, 0x001f], pixels: [0] }),
    ],
    [
      "run lengths that stop early",
      "image.truncated",
      writeBmp({
        width: 30,
        height: 30,
        bits: 8,
        compression: 1,
        palette: [0],
        pixels: [],
        packed: [30, 0, 0, 0, 30, 0, 0, 0],
      }),
    ],
    [
      "a small file that asks for a large image",
      "image.truncated",
      writeBmp({ width: 9_000, height: 9_000, bits: 8, compression: 1, palette: [0], pixels: [], packed: [0, 1] }),
    ],
  ])("%s", (_, code, bytes) => {
    expect(() => decodeBmp(bytes)).toThrow(expect.objectContaining({ code }));
  });

  test("whatever the bytes, the answer is an image or an ImageError, at once", () => {
    const limits = { pixels: 1_000_000, bytes: 1 << 20, seconds: 1, memoryBytes: 1 << 30 };
    const seeds = [
      good,
      writeBmp({
        width: 9,
        height: 5,
        bits: 8,
        palette: [1, 2, 3],
        pixels: Array.from<number>({ length: 45 }).fill(1),
      }),
      writeBmp({
        width: 9,
        height: 5,
        bits: 4,
        compression: 2,
        palette: [1, 2, 3],
        pixels: [],
        packed: packRle4(9, 5, Array.from<number>({ length: 45 }).fill(2)),
      }),
      writeBmp({
        width: 9,
        height: 5,
        bits: 8,
        compression: 1,
        palette: [1, 2, 3],
        pixels: [],
        packed: packRle8(9, 5, Array.from<number>({ length: 45 }).fill(2)),
      }),
      writeBmp({
        width: 4,
        height: 4,
        bits: 16,
        compression: 3,
        masks: [0xf800, 0x07e0, 0x001f],
        pixels: Array.from<number>({ length: 16 }).fill(9),
      }),
      writeBmp({
        width: 4,
        height: 4,
        bits: 32,
        compression: 3,
        headerSize: 124,
        masks: [0xff, 0xff00, 0xff0000, 0xff000000],
        pixels: Array.from<number>({ length: 16 }).fill(0xff00ff00),
      }),
    ];
    const edits = fc.array(fc.tuple(fc.nat(160), fc.constantFrom(0, 1, 2, 3, 4, 8, 16, 24, 32, 40, 127, 128, 255)), {
      maxLength: 12,
    });
    const damaged = fc.tuple(fc.constantFrom(...seeds), edits, fc.nat(200)).map(([seed, list, cut]) => {
      const bytes = Buffer.from(seed.subarray(0, Math.max(2, seed.length - (cut > 150 ? cut - 150 : 0))));
      for (const [at, value] of list) if (at >= 2 && at < bytes.length) bytes[at] = value;
      return bytes;
    });
    const noise = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.concat([Buffer.from("BM"), bytes]));
    fc.assert(
      fc.property(fc.oneof(damaged, noise), (bytes) => {
        try {
          const image = decodeBmp(bytes, limits);
          expect(image.data).toHaveLength(image.width * image.height * 3);
        } catch (error) {
          if (!(error instanceof ImageError)) throw error;
        }
      }),
      { numRuns: 6000 },
    );
  });
});
