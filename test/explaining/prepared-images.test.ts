import type { ModelCard } from "../../lib/contract/model-card";
import { defaultSettings } from "../../lib/contract/settings";
import { JoinedMap, prepareImage, type PreparedImages } from "../../lib/explaining/prepared-images";
import { sharp } from "../../lib/imaging/decoding/loaders";
import { Decoder } from "../../lib/imaging/preparing/decoder";

const [width, height] = [300, 210];
const levels = Uint8Array.from({ length: width * height * 3 }, (_, i) => 120 + 100 * Math.sin(i / 41));
const file = () =>
  sharp(levels, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
const card = { input: { channels: "RGB", scale: 1 / 255, mean: [0], std: [1] } } as unknown as ModelCard;
const preparation = { card, input: { width: 16, height: 16 }, settings: { ...defaultSettings, tileSize: 64 } };

const tensorsOf = async (prepared: PreparedImages): Promise<Float32Array[]> => {
  const all: Float32Array[] = [];
  for await (const some of prepared.tensors()) all.push(...some);
  return all;
};

describe("an image that is too large to be held", () => {
  const decoder = new Decoder();
  afterAll(() => decoder.close());

  test("has the tiles of one that is not, and a smaller picture", async () => {
    const bytes = await file();
    const held = await prepareImage(decoder, bytes, preparation);
    const large = await prepareImage(decoder, bytes, preparation, 10_000);
    expect(await tensorsOf(large)).toEqual(await tensorsOf(held));
    // Explaining goes through the tiles a second time.
    expect(await tensorsOf(large)).toHaveLength(20);
    expect(large.seen).toEqual(held.seen);
    expect(large.picture).toMatchObject({ width: 100, height: 70 });
    expect(large.image).toMatchObject({ width, height, sha256: held.image.sha256 });
    expect(large.image.warnings).toEqual(["maps and pictures of it are drawn 3 times smaller, for its size"]);
  });

  test("has a map in which each tile lies at its place", async () => {
    const bytes = await file();
    for (const most of [1_000_000, 10_000]) {
      const prepared = await prepareImage(decoder, bytes, preparation, most);
      const joined = new JoinedMap(prepared);
      prepared.parts.forEach((_, i) =>
        joined.add(i, { width: 16, height: 16, data: new Float32Array(256).fill(i === 7 ? 1 : 0) }),
      );
      const map = joined.finish();
      expect(map).toMatchObject({ width: prepared.picture.width, height: prepared.picture.height });
      // The eighth of five tiles a row: the third of the second row, from (128, 64) to (192, 128).
      const at = (x: number, y: number): number =>
        map.data[Math.floor((y * map.height) / height) * map.width + Math.floor((x * map.width) / width)]!;
      expect([at(150, 100), at(100, 100), at(210, 100), at(150, 40), at(150, 140)]).toEqual([1, 0, 0, 0, 0]);
    }
  });

  test("is refused when its tiles are without number", async () => {
    const empty = await sharp({ create: { width: 9000, height: 9000, channels: 3, background: "#fff" } })
      .png()
      .toBuffer();
    const tiny = { ...preparation, settings: { ...defaultSettings, tileSize: 32 } };
    await expect(prepareImage(decoder, empty, tiny)).rejects.toMatchObject({ code: "image.too-large-to-tile" });
  });
});

test("an image no larger than a tile is one part", async () => {
  const decoder = new Decoder();
  const prepared = await prepareImage(decoder, await file(), {
    ...preparation,
    settings: { ...defaultSettings, tileSize: 300 },
  });
  expect(prepared.parts.map(({ place }) => place)).toEqual([undefined]);
  expect(await tensorsOf(prepared)).toHaveLength(1);
  await decoder.close();
});
