import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Decoder } from "../../../lib/imaging/preparing/decoder";
import { sharp } from "../../../lib/imaging/decoding/loaders";
import { prepare } from "../../../lib/imaging/preparing/prepare";
import { thumbnailBytes } from "../../../lib/imaging/preparing/thumbnail";
import { pillowFile } from "../decoding/pillow-files";

const image = pillowFile("png-alpha");
const input = { width: 32, height: 32 };

describe("the decoding process", () => {
  const decoder = new Decoder();
  afterAll(() => decoder.close());

  test("gives what decoding here gives, from bytes and from a file", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "cytolens-decoder-"));
    try {
      writeFileSync(path.join(folder, "cell.png"), image);
      const here = await prepare(image, { input, mask: "otsu" });
      for (const source of [image, path.join(folder, "cell.png")]) {
        const there = await decoder.prepare(source, { input, mask: "otsu" });
        expect(there.image).toEqual(here.image);
        expect(there.framing).toEqual(here.framing);
        expect([...there.tensor]).toEqual([...here.tensor]);
        expect([...there.seen.data]).toEqual([...here.seen.data]);
        expect(Buffer.compare(there.thumbnail, here.thumbnail)).toBe(0);
      }
      expect(await decoder.decode(image)).toMatchObject({
        width: 7,
        height: 5,
        format: "png",
        warnings: ["transparency was composited on white"],
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("many at once come back in order, each its own", async () => {
    const sizes = Array.from({ length: 30 }, (_, i) => 8 + i);
    const all = await Promise.all(
      sizes.map((side) => decoder.prepare(image, { input: { width: side, height: side } })),
    );
    expect(all.map(({ tensor }) => tensor.length)).toEqual(sizes.map((side) => 3 * side * side));
  });

  test("a bad image fails with its own reason and harms no other", async () => {
    const answers = await Promise.allSettled([
      decoder.decode(Buffer.from("<html>")),
      decoder.decode(image),
      decoder.decode(Buffer.alloc(0)),
      decoder.decode("/no/such/file.png"),
    ]);
    expect(answers).toMatchObject([
      { status: "rejected", reason: { code: "image.format-refused" } },
      { status: "fulfilled" },
      { status: "rejected", reason: { code: "image.empty" } },
      { status: "rejected", reason: { code: "image.decoder-failed" } },
    ]);
  });

  test("a closed decoder says so", async () => {
    const closed = new Decoder();
    await closed.close();
    await expect(closed.decode(image)).rejects.toMatchObject({ code: "image.decoder-closed" });
  });
});

describe("a decoder that misbehaves costs one image", () => {
  const processFile = path.join(__dirname, "hostile-decode-process.js");

  test.each([
    ["a native crash", "CRASH", "image.decoder-crashed", {}],
    ["an exit", "EXIT", "image.decoder-crashed", {}],
    ["a hang", "HANG", "image.decoder-timeout", { seconds: 4 }],
    ["memory without end", "FILL", "image.decoder-memory", { memoryBytes: 400 * 2 ** 20 }],
  ])("%s", async (_, command, code, limits) => {
    const hostile = new Decoder(limits, processFile);
    const answers = await Promise.allSettled([
      hostile.decode(image),
      hostile.decode(Buffer.from(command)),
      hostile.decode(image),
      hostile.decode(image),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "fulfilled"]);
    expect(answers[1]).toMatchObject({ reason: { name: "ImageError", code } });
    await hostile.close();
  });

  test("the process sees nothing of the environment, credentials least", async () => {
    process.env["AWS_SECRET_ACCESS_KEY"] = "not-for-decoders";
    const fresh = new Decoder({}, processFile);
    await expect(fresh.decode(Buffer.from("SECRETS"))).rejects.toThrow(
      expect.objectContaining({ message: expect.not.stringContaining("AWS") as string }),
    );
    await fresh.close();
    delete process.env["AWS_SECRET_ACCESS_KEY"];
  });
});

test("a thumbnail of noise still fits", async () => {
  let state = 7;
  const data = Uint8Array.from({ length: 500 * 400 * 3 }, () => (state = (state * 48271) % 2147483647) & 255);
  const noise = await sharp(data, { raw: { width: 500, height: 400, channels: 3 } })
    .png()
    .toBuffer();
  const { thumbnail } = await prepare(noise, { input: { width: 224, height: 224 } });
  expect(thumbnail.length).toBeLessThanOrEqual(thumbnailBytes);
  const metadata = await sharp(thumbnail).metadata();
  expect(metadata).toMatchObject({ format: "jpeg", width: metadata.height });
});
