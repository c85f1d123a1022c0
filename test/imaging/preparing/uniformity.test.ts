import { prepare } from "../../../lib/imaging/preparing/prepare";
import { uniformityNotes } from "../../../lib/imaging/preparing/uniformity";
import { sharp } from "../../../lib/imaging/decoding/loaders";
import { drawnCell } from "../decoding/drawn-cell";

const flat = (width: number, height: number, level: number): Uint8Array =>
  new Uint8Array(width * height * 3).fill(level);

test("one value everywhere, and a field in which next to nothing differs", () => {
  expect(uniformityNotes({ width: 9, height: 7, data: flat(9, 7, 0) })).toEqual([
    "nearly uniform: every pixel within 8 levels of (0, 0, 0); there is nothing to tell it by",
  ]);
  const data = flat(100, 100, 240).map((level, i) => level - (i % 9));
  data.fill(0, 0, 27);
  expect(uniformityNotes({ width: 100, height: 100, data })).toEqual([expect.stringContaining("all but 1 in 1,000")]);
});

test("a small cell in a large field is something", () => {
  const data = flat(300, 300, 240);
  for (let y = 0; y < 10; y++) data.fill(90, 3 * (y + 50) * 300, 3 * ((y + 50) * 300 + 10));
  expect(uniformityNotes({ width: 300, height: 300, data })).toEqual([]);
  expect(uniformityNotes({ width: 24, height: 18, data: Uint8Array.from(drawnCell(24, 18)) })).toEqual([]);
});

test("a prepared image carries the warning", async () => {
  const bytes = await sharp(flat(40, 40, 200), { raw: { width: 40, height: 40, channels: 3 } })
    .png()
    .toBuffer();
  const { image } = await prepare(bytes, { input: { width: 16, height: 16 } });
  expect(image.warnings).toEqual([expect.stringMatching(/^nearly uniform/)]);
});
