import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import sharp from "sharp";
import { imageNetNormalisation } from "../../lib/contract/normalisation";
import { plainView, drawView, renderView, studyAugmentation } from "../../lib/training/augment";
import { digestOf, readDataSet } from "../../lib/training/data-set";
import { splitOf } from "../../lib/training/data-split";
import { openImageSource } from "../../lib/training/image-source";
import { cropToFrame, frame, normalise } from "../../lib/imaging/preparing/preprocess";
import { PreparedImages } from "../../lib/training/prepared-samples";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "data-set-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function put(name: string, content: Uint8Array | string = "") {
  await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
  await writeFile(path.join(folder, name), content);
}

const parts = (...names: string[]) =>
  Promise.all(
    names.flatMap((part) => ["no", "yes"].flatMap((name) => [1, 2].map((n) => put(`${part}/${name}/${n}.png`)))),
  );
const namesOf = (files: readonly { name: string }[]) => files.map(({ name }) => name);

/** A picture with a gradient across and noise, so that every pixel tells where it is. */
function picture(width: number, height: number): { width: number; height: number; data: Uint8Array } {
  return {
    width,
    height,
    data: Uint8Array.from(
      { length: 3 * width * height },
      (_, at) => ((at * 7919) % 61) + Math.floor((190 * ((at / 3) % width)) / width),
    ),
  };
}

const png = (image: { width: number; height: number; data: Uint8Array }) =>
  sharp(image.data, { raw: { width: image.width, height: image.height, channels: 3 } })
    .png()
    .toBuffer();

describe("a folder of class folders", () => {
  it("is read by name, other files and hidden folders left aside", async () => {
    await Promise.all(
      ["b/2.png", "b/10.PNG", "a/x.jpeg", "a/notes.txt", ".cache/z.png", "readme.md"].map((name) => put(name)),
    );
    const { classes, files, layout } = await readDataSet(folder);
    expect([layout, classes]).toEqual(["class-folders", ["a", "b"]]);
    expect(files.map(({ name, label }) => [name, label])).toEqual([
      ["a/x.jpeg", 0],
      ["b/10.PNG", 1],
      ["b/2.png", 1],
    ]);
  });

  it.each([
    ["is not there", [], "missing", "data.missing"],
    ["holds no folders", ["a.png"], "", "data.no-classes"],
    ["has one class", ["a/1.png"], "", "data.one-class"],
    ["has an empty class", ["a/1.png", "b/readme.txt"], "", "data.empty-class"],
  ])("is refused when it %s", async (_, names, below, code) => {
    await Promise.all(names.map((name) => put(name)));
    await expect(readDataSet(path.join(folder, below))).rejects.toMatchObject({ code });
  });

  it("has another digest when a file is added or grows", async () => {
    await Promise.all(["a/1.png", "b/1.png"].map((name) => put(name)));
    const digests = [await digestOf(await readDataSet(folder))];
    await put("a/2.png");
    digests.push(await digestOf(await readDataSet(folder)));
    await put("a/2.png", "longer");
    digests.push(await digestOf(await readDataSet(folder)));
    expect(new Set(digests).size).toBe(3);
  });
});

describe("SIPaKMeD as it is distributed", () => {
  beforeEach(() =>
    Promise.all(
      ["Koilocytotic", "Parabasal"].flatMap((name) =>
        [
          `${name}/001.bmp`,
          `${name}/001.dat`,
          `${name}/CROPPED/001_01.bmp`,
          `${name}/CROPPED/001_02.bmp`,
          `${name}/CROPPED/001_01_nuc.dat`,
        ].map((file) => put(`im_${name}/im_${file}`)),
      ),
    ),
  );

  it.each([
    ["full", 2, false],
    ["cropped", 4, false],
    ["masked", 2, true],
  ] as const)("is read as %s", async (variant, count, masked) => {
    const dataSet = await readDataSet(folder, variant);
    expect([dataSet.layout, dataSet.classes, dataSet.files.length, dataSet.masked]).toEqual([
      "sipakmed",
      ["Koilocytotic", "Parabasal"],
      count,
      masked,
    ]);
    expect(
      dataSet.files.every(({ file }) => file.endsWith(".bmp") && file.includes("CROPPED") === (variant === "cropped")),
    ).toBe(true);
  });
});

describe("sets as they are handed out", () => {
  it("Herlev's label images are no cells: left out, and said", async () => {
    for (const name of ["carcinoma", "normal"])
      for (const file of ["149-001.BMP", "149-001-d.bmp", "150-001.BMP", "150-001-d.bmp"]) await put(`${name}/${file}`);
    const { files, notes } = await readDataSet(folder);
    expect(files.map(({ name }) => name)).toEqual([
      "carcinoma/149-001.BMP",
      "carcinoma/150-001.BMP",
      "normal/149-001.BMP",
      "normal/150-001.BMP",
    ]);
    expect(notes).toEqual([
      `4 of the files in ${folder} are label images named after the image beside them (such as 149-001-d.bmp): left out.`,
    ]);
  });

  it("classes may be numbers: the names are the folders'", async () => {
    for (const name of ["2/a.png", "10/a.png", "1/a.png"]) await put(name);
    const { classes, files } = await readDataSet(folder);
    expect(classes).toEqual(["1", "10", "2"]);
    expect(files.map(({ name, label }) => [name, classes[label]])).toEqual([
      ["1/a.png", "1"],
      ["10/a.png", "10"],
      ["2/a.png", "2"],
    ]);
  });

  it("links to class folders and to images are followed under their own names; one that leads nowhere is not lost", async () => {
    await put("store/x/1.png", "one");
    await mkdir(path.join(folder, "data/b"), { recursive: true });
    await symlink("../store/x", path.join(folder, "data/a"));
    await symlink("../../store/x/1.png", path.join(folder, "data/b/2.png"));
    await symlink("gone.png", path.join(folder, "data/b/3.png"));
    const dataSet = await readDataSet(path.join(folder, "data"));
    expect(dataSet.files.map(({ name }) => name)).toEqual(["a/1.png", "b/2.png", "b/3.png"]);
    expect(await digestOf(dataSet)).toMatch(/^[0-9a-f]{64}$/);
    const options = {
      files: dataSet.files,
      size: 32,
      masked: false,
      normalisation: imageNetNormalisation,
      augmentation: studyAugmentation,
      seed: 1,
    };
    await expect(openImageSource({ ...options, skipUnreadable: false })).rejects.toMatchObject({
      code: "data.unreadable",
      message: expect.stringContaining("b/3.png") as string,
    });
  });

  describe("train/, val/, test/", () => {
    it("are the split, whatever split is asked for, and that is said", async () => {
      await parts("train", "val", "test");
      const dataSet = await readDataSet(folder);
      expect([dataSet.layout, dataSet.classes, dataSet.files.length]).toEqual(["split-folders", ["no", "yes"], 12]);
      expect(dataSet.notes).toEqual([
        "The folders say how the images are parted (test/ 4, train/ 4, val/ 4): this is the split, whatever --split says.",
      ]);
      const { train, validation, test } = splitOf(dataSet, "study");
      expect(namesOf(train)).toEqual(["train/no/1.png", "train/no/2.png", "train/yes/1.png", "train/yes/2.png"]);
      expect(train.map(({ label }) => label)).toEqual([0, 0, 1, 1]);
      expect(namesOf(validation)).toEqual(["val/no/1.png", "val/no/2.png", "val/yes/1.png", "val/yes/2.png"]);
      expect(namesOf(test)).toEqual(["test/no/1.png", "test/no/2.png", "test/yes/1.png", "test/yes/2.png"]);
    });

    it("without a folder to validate on, every tenth training file does", async () => {
      await parts("Training", "testing");
      for (let n = 3; n <= 10; n++) await Promise.all(["no", "yes"].map((name) => put(`Training/${name}/${n}.png`)));
      const { train, validation, test } = splitOf(await readDataSet(folder), "tenth");
      expect([train.length, validation.length, test.length]).toEqual([18, 2, 4]);
    });

    it("with a class that is never trained on are refused", async () => {
      await parts("train", "test");
      await put("test/maybe/1.png");
      await expect(readDataSet(folder)).rejects.toMatchObject({
        code: "data.empty-class",
        message: expect.stringContaining("test/maybe") as string,
      });
    });

    it("that hold images are classes of those names", async () => {
      await Promise.all(["train/1.png", "test/1.png"].map((name) => put(name)));
      expect(await readDataSet(folder)).toMatchObject({ layout: "class-folders", classes: ["test", "train"] });
    });
  });
});

describe("samples from disk", () => {
  it("are the study's preprocessing when seen plainly, to the bit", async () => {
    const image = picture(150, 90);
    await put("a/1.png", await png(image));
    const prepared = await PreparedImages.load([{ file: path.join(folder, "a/1.png"), name: "a/1.png", label: 0 }], {
      size: 64,
      masked: false,
      skipUnreadable: false,
    });
    const target = new Float32Array(3 * 64 * 64);
    renderView(await prepared.image(prepared.files[0]!), plainView, imageNetNormalisation, 64, target, 0);
    const expected = normalise(cropToFrame(image, frame(150, 90, { width: 64, height: 64 })));
    expect(Math.max(...target.map((value, at) => Math.abs(value - expected[at]!)))).toBeLessThan(1e-6);
  });

  it("are augmented by seed, epoch and sample alone", () => {
    const options = { ...studyAugmentation, flips: true, stainJitter: 0.2, zoom: 0.1 };
    expect(drawView(options, 1, 2, 3)).toEqual(drawView(options, 1, 2, 3));
    expect(drawView(options, 1, 2, 3)).not.toEqual(drawView(options, 1, 3, 3));
    const angles = Array.from(
      { length: 200 },
      (_, sample) => (drawView(studyAugmentation, 1, 1, sample).angle * 180) / Math.PI,
    );
    expect(Math.max(...angles)).toBeLessThanOrEqual(25);
    expect(Math.min(...angles)).toBeLessThan(-20);
    expect(drawView(studyAugmentation, 1, 1, 5)).toMatchObject({
      zoom: 1,
      flipHorizontal: false,
      flipVertical: false,
      absorption: [1, 1, 1],
    });
  });

  it("turn and flip about the middle", () => {
    const size = 8,
      image = { ...picture(size, size), left: 0, top: 0 };
    const seen = (view: Partial<typeof plainView>) => {
      const out = new Float32Array(3 * size * size);
      renderView(image, { ...plainView, ...view }, imageNetNormalisation, size, out, 0);
      return out;
    };
    const plain = seen({}),
      mirrored = seen({ flipHorizontal: true }),
      turned = seen({ angle: Math.PI });
    expect(mirrored[3 * size + 1]).toBeCloseTo(plain[3 * size + size - 2]!, 5);
    expect(turned[2 * size + 1]).toBeCloseTo(plain[(size - 3) * size + size - 2]!, 1);
  });

  it("come as batches from a thread of their own; unreadable images are listed, and left out only when asked", async () => {
    await put("a/1.png", await png(picture(40, 40)));
    await put("b/1.png", await png(picture(40, 50)));
    await put("b/2.png", "<html>not an image</html>");
    const { files } = await readDataSet(folder);
    const options = {
      files,
      size: 32,
      masked: false,
      augmentation: studyAugmentation,
      normalisation: imageNetNormalisation,
      seed: 1,
    };
    await expect(openImageSource({ ...options, skipUnreadable: false })).rejects.toMatchObject({
      code: "data.unreadable",
      message: expect.stringContaining("b/2.png") as string,
    });
    const source = await openImageSource({ ...options, skipUnreadable: true });
    try {
      expect([source.count, source.unreadable.map(({ name }) => name)]).toEqual([2, ["b/2.png"]]);
      const [first, second] = await Promise.all([
        source.batch([{ sample: 1, epoch: 4 }, { sample: 0 }]),
        source.batch([{ sample: 1, epoch: 4 }]),
      ]);
      expect([...first.labels]).toEqual([1n, 0n]);
      expect(first.input).toHaveLength(2 * 3 * 32 * 32);
      expect([...second.input]).toEqual([...first.input.subarray(0, 3 * 32 * 32)]);
    } finally {
      await source.close();
    }
  });

  it("a batch that is asked for when the thread ends fails, rather than never coming", async () => {
    await put("a/1.png", await png(picture(40, 40)));
    await put("b/1.png", await png(picture(40, 50)));
    const { files } = await readDataSet(folder);
    const source = await openImageSource({
      files,
      size: 32,
      masked: false,
      skipUnreadable: false,
      augmentation: studyAugmentation,
      normalisation: imageNetNormalisation,
      seed: 1,
    });
    const pending = Promise.allSettled([source.batch([{ sample: 1 }])]);
    await source.close();
    const ended = { code: "training.samples", message: expect.stringContaining("it ended") as string };
    expect(await pending).toMatchObject([{ status: "rejected", reason: ended }]);
    await expect(source.batch([{ sample: 0 }])).rejects.toMatchObject(ended);
  });

  it("are decoded again when they do not fit in memory, to the same pixels", async () => {
    await put("a/1.png", await png(picture(40, 40)));
    const files = [{ file: path.join(folder, "a/1.png"), name: "a/1.png", label: 0 }];
    const kept = await PreparedImages.load(files, { size: 32, masked: true, skipUnreadable: false });
    const decodedAgain = await PreparedImages.load(files, {
      size: 32,
      masked: true,
      skipUnreadable: false,
      memoryBytes: 0,
    });
    expect((await decodedAgain.image(files[0]!)).data).toEqual((await kept.image(files[0]!)).data);
  });
});
