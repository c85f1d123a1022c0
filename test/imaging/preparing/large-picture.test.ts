import { writeTiff } from "../decoding/tiff-writer";
import { decode } from "../../../lib/imaging/decoding/decode";
import { sharp } from "../../../lib/imaging/decoding/loaders";
import { Decoder } from "../../../lib/imaging/preparing/decoder";
import { overview, prepareTiles } from "../../../lib/imaging/preparing/large-picture";
import { frame, cropToFrame, normalise } from "../../../lib/imaging/preparing/preprocess";
import { tilesOf } from "../../../lib/imaging/preparing/tiles";
import { crop } from "../../../lib/imaging/crop";

const input = { width: 16, height: 16 };
const [width, height] = [130, 94];
const levels = Uint8Array.from(
  { length: width * height * 3 },
  (_, i) => 120 + 100 * Math.sin(i / 41) * Math.cos(i / 970),
);
const picture = () => sharp(levels, { raw: { width, height, channels: 3 } });

describe("a picture in tiles gives what the whole one gives", () => {
  test.each<[string, () => Promise<Buffer>]>([
    [
      "a tiled TIFF",
      () => picture().tiff({ tile: true, tileWidth: 32, tileHeight: 32, compression: "lzw" }).toBuffer(),
    ],
    ["a TIFF in strips", () => picture().tiff({ compression: "deflate" }).toBuffer()],
    ["a PNG", () => picture().png().toBuffer()],
    ["a JPEG on its side", () => picture().withMetadata({ orientation: 6 }).jpeg().toBuffer()],
    [
      "12 bits in 16",
      () => Promise.resolve(writeTiff([{ width, height, bits: 16, samples: [...levels].map((level) => level << 4) }])),
    ],
  ])("%s", async (_, file) => {
    const bytes = await file();
    const whole = await decode(bytes);
    const seen = await overview(bytes, { colour: "profile", mostPixels: 2000 });
    expect(seen.facts).toMatchObject({ width: whole.width, height: whole.height, warnings: whole.warnings });
    const tiles = tilesOf(whole.width, whole.height, 50).slice(2, 6);
    const tensors = await prepareTiles(bytes, { colour: "profile", reading: seen.reading, tiles, input, mask: "none" });
    tiles.forEach((tile, i) => {
      const expected = normalise(cropToFrame(crop(whole, tile), frame(tile.width, tile.height, input)));
      expect(Buffer.compare(Buffer.from(tensors[i]!.buffer), Buffer.from(expected.buffer))).toBe(0);
    });
  });

  test("the reduced picture holds the means of its squares", async () => {
    const { picture: small, factor } = await overview(await picture().png().toBuffer(), {
      colour: "profile",
      mostPixels: 2000,
    });
    expect([factor, small.width, small.height]).toEqual([3, 43, 31]);
    const [x, y, c] = [20, 11, 1];
    const square = Array.from(
      { length: 9 },
      (_, i) => levels[3 * ((y * 3 + Math.floor(i / 3)) * width + x * 3 + (i % 3)) + c]!,
    );
    expect(small.data[3 * (y * small.width + x) + c]).toBe(Math.round(square.reduce((sum, level) => sum + level) / 9));
  });
});

test("12,000 × 12,000 pixels are read in tiles within a memory that could not hold them", async () => {
  const side = 12_000;
  const bytes = await sharp({ create: { width: side, height: side, channels: 3, background: "#0a141e" } })
    .tiff({ tile: true, tileWidth: 512, tileHeight: 512, compression: "deflate" })
    .toBuffer();
  // The pixels alone are 432 MB.
  const decoder = new Decoder({ memoryBytes: 400 * 2 ** 20 });
  try {
    await expect(decoder.decode(bytes)).rejects.toMatchObject({ code: "image.too-large" });
    expect(await decoder.measure(bytes)).toEqual({ width: side, height: side });
    const seen = await decoder.overview(bytes, { colour: "profile", mostPixels: 1_000_000 });
    expect(seen).toMatchObject({ factor: 12, picture: { width: 1000, height: 1000 } });
    expect([...seen.picture.data.subarray(-3)]).toEqual([10, 20, 30]);
    expect(seen.facts.warnings).toEqual([
      expect.stringMatching(/^nearly uniform: .* within 8 levels of \(10, 20, 30\)/),
    ]);
    const tiles = tilesOf(side, side, 512).slice(-16);
    const tensors = await decoder.prepareTiles(bytes, {
      colour: "profile",
      reading: seen.reading,
      tiles,
      mask: "none",
      input: { ...input, scale: 1, mean: [0], std: [1] },
    });
    expect(tensors.map((tensor) => [tensor[0], tensor.at(-1)])).toEqual(tiles.map(() => [10, 30]));
  } finally {
    await decoder.close();
  }
}, 120_000);
