import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import sharp from "sharp";
import { phantomClasses } from "../../lib/phantom/cell";
import { phantomField } from "../../lib/phantom/phantom";
import type { LabelledFile } from "../../lib/training/data-set";
import { findLeakage, leakageText, sharedSlideNames, summedLeakage } from "../../lib/training/leakage";

const named = (...names: string[]): LabelledFile[] =>
  names.map((name) => ({ file: name, name, label: name.startsWith("a") ? 0 : 1 }));

const field = (index: number) => {
  const { data, width, height } = phantomField({ className: phantomClasses[index % 5]!, seed: 5, index, size: 192 });
  return sharp(Buffer.from(data), { raw: { width, height, channels: 3 } });
};
const crop = (index: number, left: number, top: number) => field(index).extract({ left, top, width: 96, height: 96 });

describe("leakage by pictures", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "leakage-"));
    await mkdir(path.join(folder, "a"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const put = async (name: string, picture: sharp.Sharp): Promise<LabelledFile> => {
    const file = path.join(folder, "a", name);
    await writeFile(file, await picture.toFormat(name.endsWith("jpg") ? "jpeg" : "png").toBuffer());
    return { file, name: `a/${name}`, label: 0 };
  };

  it("finds the same picture through compression, and crops that overlap; other fields share nothing", async () => {
    const train = [
      await put("0.png", crop(0, 20, 30)),
      await put("1.png", crop(1, 40, 40)),
      await put("2.png", crop(2, 0, 0)),
    ];
    const heldOut = [
      await put("same.jpg", crop(0, 20, 30)),
      await put("shifted.png", crop(1, 63, 27)),
      await put("apart.png", crop(2, 96, 96)),
      await put("other.png", crop(3, 20, 30)),
      await put("broken.png", crop(4, 0, 0)).then(async (file) => (await writeFile(file.file, "no image"), file)),
    ];
    const found = await findLeakage(train, heldOut);
    expect(found).toEqual({
      checked: 5,
      duplicates: 1,
      overlaps: 1,
      examples: ["a/same.jpg and a/0.png (100 %)", "a/shifted.png and a/1.png (66 %)"],
    });
    expect(leakageText(found)).toMatch(
      /^Of 5 images .* 1 are near-duplicates of training images, 1 overlap training images: /,
    );
    expect(summedLeakage([found, found])).toMatchObject({ checked: 10, duplicates: 2, overlaps: 2 });
  });
});

describe("leakage by names", () => {
  it("notices several images of one slide on both sides, class by class", () => {
    const all = ["a", "b"].flatMap((name) =>
      [1, 2, 3].flatMap((slide) => [1, 2].map((cell) => `${name}/12${slide}-7-${cell}.png`)),
    );
    const [train, heldOut] = [0, 1].map((side) => named(...all.filter((_, index) => index % 2 === side)));
    expect(sharedSlideNames(train!, heldOut!)).toEqual({ pattern: "^(\\d+)[-_ ]", count: 6 });
    const apart = [
      named(...all.slice(0, 4), ...all.slice(6, 10)),
      named(...all.slice(4, 6), ...all.slice(10)),
    ] as const;
    expect(sharedSlideNames(...apart)?.count).toBe(0);
  });

  it("takes neither running numbers nor the class in front of them for slides", () => {
    expect(sharedSlideNames(named("a/1.png", "a/2.png", "b/1.png"), named("a/3.png", "b/2.png"))).toBeUndefined();
    const numbered = ["a", "b"].flatMap((name) => [1, 2, 3, 4].map((number) => `${name}/class_${name}_${number}.png`));
    expect(sharedSlideNames(named(...numbered.slice(0, 6)), named(...numbered.slice(6)))).toBeUndefined();
  });

  it("has nothing to say where nothing is shared", () => {
    expect(leakageText({ checked: 9, duplicates: 0, overlaps: 0 })).toBeUndefined();
  });
});
