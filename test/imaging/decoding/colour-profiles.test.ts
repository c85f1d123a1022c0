import * as fc from "fast-check";
import { decode } from "../../../lib/imaging/decoding/decode";
import { describeProfile } from "../../../lib/imaging/decoding/icc-profile";
import { defaultLimits } from "../../../lib/imaging/decoding/limits";
import { sharp } from "../../../lib/imaging/decoding/loaders";
import { writeTiff } from "./tiff-writer";

const green = () => sharp({ create: { width: 4, height: 4, channels: 3, background: "#6ec878" } });
const converted = [expect.stringMatching(/^the colours were converted from the profile "[^"]*P3[^"]*" to sRGB$/)];

const fileIn = (format: "png" | "jpeg" | "webp" | "tiff") => (profile: string) =>
  green().withIccProfile(profile).toFormat(format, { quality: 100 }).toBuffer();

describe.each(["png", "jpeg", "webp", "tiff"] as const)("an embedded profile in %s", (format) => {
  const file = fileIn(format);

  test("is applied, and said", async () => {
    const image = await decode(await file("p3"));
    // sharp converted the colour to the profile when it wrote the file, so it is itself again.
    expect([...image.data.subarray(0, 3)].every((level, i) => Math.abs(level - [110, 200, 120][i]!) < 4)).toBe(true);
    expect(image.warnings).toEqual(converted);
  });

  test("is left alone when asked", async () => {
    const bytes = await file("p3");
    const stored = await sharp(bytes, { ignoreIcc: true }).raw().toBuffer();
    const image = await decode(bytes, defaultLimits, "as-stored");
    expect(Buffer.compare(image.data, stored)).toBe(0);
    expect(image.data[0]).toBeGreaterThan(120);
    expect(image.warnings).toEqual([]);
  });

  test("changes nothing when it is sRGB", async () => {
    const bytes = await file("srgb");
    const image = await decode(bytes);
    expect(Buffer.compare(image.data, (await decode(bytes, defaultLimits, "as-stored")).data)).toBe(0);
    expect(image.warnings).toEqual([]);
  });
});

test("16 bits with a profile are converted, too, also where they are scaled", async () => {
  const { icc } = await sharp(await fileIn("png")("p3")).metadata();
  const file = (largest: number) =>
    writeTiff([
      {
        width: 4,
        height: 4,
        bits: 16,
        samples: Array.from({ length: 48 }, (_, i) => (i % 3 === 1 ? largest : largest >> 2)),
        tags: [[34675, 7, icc!]],
      },
    ]);
  const whole = await decode(file(65_535));
  expect(whole.warnings).toEqual(["16 bits a channel were scaled to 8", ...converted]);
  // P3's green lies beyond sRGB's: red is gone.
  expect([...whole.data.subarray(0, 2)]).toEqual([0, 255]);
  const scaled = await decode(file(4095));
  expect([...scaled.data.subarray(0, 2)]).toEqual([0, 255]);
  expect(scaled.warnings).toEqual([expect.stringContaining("taken as 12 bits"), ...converted]);
  const stored = await decode(file(4095), defaultLimits, "as-stored");
  expect([...stored.data.subarray(0, 2)]).toEqual([63, 255]);
});

test("a transparent picture with a profile keeps both", async () => {
  const bytes = await sharp({
    create: { width: 4, height: 4, channels: 4, background: { r: 0, g: 200, b: 0, alpha: 0.5 } },
  })
    .withIccProfile("p3")
    .png()
    .toBuffer();
  expect((await decode(bytes)).warnings).toEqual(["transparency was composited on white", ...converted]);
});

test("CMYK with a profile names it", async () => {
  const bytes = await green().withIccProfile("cmyk").jpeg().toBuffer();
  const image = await decode(bytes);
  expect(image.warnings).toEqual([expect.stringMatching(/converted from the profile|CMYK was converted/)]);
});

test("whatever the bytes of a profile, it has a name or is none", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (noise, signed) => {
      const bytes = Buffer.concat([Buffer.alloc(36), Buffer.from(signed ? "acsp" : "xxxx"), Buffer.alloc(88), noise]);
      const profile = describeProfile(bytes);
      expect(profile === undefined || profile.name.length > 0).toBe(true);
      if (!signed) expect(profile).toBeUndefined();
    }),
  );
});
