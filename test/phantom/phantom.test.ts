import { createHash } from "node:crypto";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import sharp from "sharp";
import { phantomClasses } from "../../lib/phantom/cell";
import { phantomCell, phantomField, type CellTruth, type Phantom } from "../../lib/phantom/phantom";
import { phantomClassesNamed, writePhantoms, type PhantomTruth } from "../../lib/phantom/write-phantoms";

const size = 96;
const field = (className: Phantom["className"], index = 0, seed = 1) => phantomField({ className, size, seed, index });

function meanColour(phantom: Phantom, cells: readonly CellTruth[]): [number, number, number] {
  const sum: [number, number, number] = [0, 0, 0];
  let count = 0;
  for (const cell of cells) {
    cell.mask.forEach((inside, at) => {
      if (!inside) return;
      const pixel = (cell.box.y + Math.floor(at / cell.box.width)) * phantom.width + cell.box.x + (at % cell.box.width);
      for (const channel of [0, 1, 2] as const) sum[channel] += phantom.data[3 * pixel + channel]!;
      count++;
    });
  }
  return [sum[0] / count, sum[1] / count, sum[2] / count];
}

const digestOf = ({ data, cells }: Phantom) =>
  createHash("sha256")
    .update(data)
    .update(JSON.stringify(cells.map(({ box, mask }) => [box, [...mask]])))
    .digest("hex");
const area = (mask: Uint8Array) => mask.reduce((sum, pixel) => sum + pixel, 0);
const nucleusShare = (cells: readonly CellTruth[]) =>
  cells.reduce((sum, { nucleus, mask }) => sum + (nucleus ? area(nucleus.mask) / area(mask) : 0), 0) / cells.length;
const meanArea = (cells: readonly CellTruth[]) => cells.reduce((sum, cell) => sum + area(cell.mask), 0) / cells.length;

describe("phantom fields", () => {
  it("are the same for the same seed and differ between seeds, indices and classes", () => {
    const digests = [
      field("Parabasal"),
      field("Parabasal", 1),
      field("Parabasal", 0, 2),
      field("Koilocytotic"),
      field("Parabasal"),
    ].map(digestOf);
    expect(new Set(digests).size).toBe(4);
    expect(digests[4]).toBe(digests[0]);
  });

  it.each(phantomClasses)("carry the sign of %s on a few cells among many", (className) => {
    for (const index of [0, 1, 2]) {
      const { cells } = field(className, index);
      const signs = cells.filter((cell) => cell.isSign);
      expect(signs.length).toBeGreaterThanOrEqual(2);
      expect(cells.length - signs.length).toBeGreaterThanOrEqual(4);
      expect(signs.every((cell) => cell.className === className)).toBe(true);
      expect(cells.filter((cell) => !cell.isSign).every((cell) => cell.className === "Intermediate")).toBe(true);
    }
  });

  it("bound every cell tightly, within the image, by the mask they report", () => {
    for (const { box, mask } of field("Metaplastic").cells) {
      expect(mask).toHaveLength(box.width * box.height);
      expect(box.x >= 0 && box.y >= 0 && box.x + box.width <= size && box.y + box.height <= size).toBe(true);
      expect(area(mask.subarray(0, box.width))).toBeGreaterThan(0);
      expect(area(mask.subarray(-box.width))).toBeGreaterThan(0);
    }
  });

  it("follow the textbook: sizes of cells and nuclei, and the dye they take", () => {
    const signs = (className: Phantom["className"]) =>
      [0, 1, 2, 3].flatMap((index) => field(className, index).cells.filter((cell) => cell.isSign));
    const superficial = signs("Superficial-Intermediate"),
      parabasal = signs("Parabasal"),
      koilocytotic = signs("Koilocytotic"),
      metaplastic = signs("Metaplastic");
    expect(meanArea(superficial)).toBeGreaterThan(1.2 * meanArea(koilocytotic));
    expect(meanArea(koilocytotic)).toBeGreaterThan(1.5 * meanArea(metaplastic));
    expect(meanArea(metaplastic)).toBeGreaterThan(1.3 * meanArea(parabasal));
    expect(nucleusShare(parabasal)).toBeGreaterThan(nucleusShare(metaplastic));
    expect(nucleusShare(metaplastic)).toBeGreaterThan(5 * nucleusShare(superficial));
    const orange = field("Dyskeratotic");
    const [red, , blue] = meanColour(
      orange,
      orange.cells.filter((cell) => cell.isSign),
    );
    expect(red - blue).toBeGreaterThan(60);
  });

  it("show the same content at another size", () => {
    const small = phantomField({ className: "Koilocytotic", size: 96, seed: 4, index: 2 }),
      large = phantomField({ className: "Koilocytotic", size: 192, seed: 4, index: 2 });
    expect(small.cells.length).toBe(large.cells.length);
    small.cells.forEach((cell, index) =>
      expect(Math.abs(2 * cell.box.x - large.cells[index]!.box.x)).toBeLessThanOrEqual(3),
    );
  });

  it("refuse a size that cannot be drawn", () => {
    expect(() => phantomField({ className: "Parabasal", size: 8, seed: 1, index: 0 })).toThrow(
      "Expected a whole number from 32 to 4096",
    );
  });
});

describe("isolated phantom cells", () => {
  it.each(phantomClasses)("show %s in the middle", (className) => {
    const { cells, data } = phantomCell({ className, size, seed: 2, index: 0 });
    expect(cells.every((cell) => cell.isSign && cell.className === className)).toBe(true);
    const middle = cells.some(({ box }) =>
      [
        [box.x, box.width],
        [box.y, box.height],
      ].every(([start, extent]) => start! < size / 2 && start! + extent! > size / 2),
    );
    expect(middle).toBe(true);
    expect(data).toHaveLength(3 * size * size);
  });
});

describe("a written set of phantoms", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "phantoms-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("holds class folders of PNGs and their truth, which agree with each other", async () => {
    expect(
      await writePhantoms({
        folder,
        kind: "fields",
        classes: phantomClassesNamed(["parabasal", "Metaplastic"]),
        countPerClass: 2,
        size: 64,
        seed: 9,
      }),
    ).toBe(4);
    expect((await readdir(path.join(folder, "images"))).sort()).toEqual(["Metaplastic", "Parabasal"]);
    const truth = JSON.parse(
      await readFile(path.join(folder, "truth", "Parabasal", "parabasal-0001.json"), "utf8"),
    ) as PhantomTruth;
    // As bytes: where imaging has run in this process, loaders of files are blocked.
    const file = await readFile(path.join(folder, "truth", "Parabasal", "parabasal-0001.signs.png"));
    expect(await sharp(file).metadata()).toMatchObject({ width: 64, height: 64, channels: 1 });
    const signs = await sharp(file).extractChannel(0).raw().toBuffer();
    const painted = new Uint8Array(64 * 64);
    for (const { box, runs, isSign } of truth.cells) {
      let at = 0;
      runs.forEach((length, turn) => {
        for (let step = 0; step < length; step++, at++) {
          if (turn % 2 === 1 && isSign)
            painted[(box.y + Math.floor(at / box.width)) * 64 + box.x + (at % box.width)] = 255;
        }
      });
      expect(at).toBe(box.width * box.height);
    }
    expect(signs.equals(painted)).toBe(true);
  });

  it("refuses a class that does not exist", () => {
    expect(() => phantomClassesNamed(["Columnar"])).toThrow('but received "Columnar"');
  });
});
