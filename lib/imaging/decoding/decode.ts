import type { Region } from "../../contract/region";
import type { Colour } from "../../contract/settings";
import { checkWithin, crop } from "../crop";
import type { RgbImage } from "../image";
import { applyProfile } from "./apply-profile";
import { decodeBmp } from "./bmp";
import { type ImageFormat, recogniseFormat } from "./image-format";
import { decideReading, emptySurvey, type Reading, type Samples, type Survey, survey, toRgb } from "./levels";
import { checkBytes, checkPixels, checkSides, type DecodingLimits, defaultLimits } from "./limits";
import { openPicture, type PictureSource, readSamples } from "./picture-source";

/** What is known of a picture beside its pixels. */
export interface PictureFacts {
  /** After EXIF orientation. */
  readonly width: number;
  readonly height: number;
  readonly format: ImageFormat;
  /** What was done to the pixels that a reader of the result should know. */
  readonly warnings: readonly string[];
  /** Micrometres a pixel, where the file states a resolution that a microscope could have. */
  readonly micronsPerPixel?: number;
}

export interface DecodedImage extends RgbImage, PictureFacts {}

/** A picture of any size, of which regions come into memory. */
export interface OpenPicture {
  readonly facts: PictureFacts;
  /** How its samples become levels: to be handed to `openRegions` again, so that the values are looked through once. */
  readonly reading: Reading | undefined;
  /** Throws image.tile for a region that leaves the picture, image.too-large for one beyond the pixel limit. */
  read(region: Region): Promise<RgbImage>;
}

/**
 * Decodes JPEG, PNG, TIFF, WebP or BMP into 8-bit sRGB: EXIF orientation applied, deeper values scaled to 8 bits, CMYK and
 * (unless `colour` is "as-stored") embedded profiles converted, grey spread to three channels, transparency composited on
 * white; of several pages the picture. docs/images.md tells what each warning means. Throws an ImageError: image.empty,
 * image.not-an-image, image.format-refused, image.too-large, image.truncated, image.corrupt, image.unsupported,
 * image.compression.
 */
export async function decode(
  bytes: Uint8Array,
  limits: DecodingLimits = defaultLimits,
  colour: Colour = "profile",
): Promise<DecodedImage> {
  checkBytes(bytes.length, limits);
  const format = recogniseFormat(bytes);
  if (format === "bmp") return decodeWholeBmp(bytes, limits);
  const source = await openPicture(bytes, format, colour);
  checkPixels(source.width, source.height, limits);
  const samples = await readSamples(source);
  const reading = decideReading(source, saysItself(source) ? emptySurvey : survey(emptySurvey, samples, source.alpha));
  return { ...(await asSrgb(source, samples, reading)), ...factsOf(source, reading) };
}

/**
 * Opens a picture that may be too large as a whole: the pixel limit holds for each region alone. The values that decide
 * how samples are read are looked through in bands first, unless `known` tells it. A BMP is decoded whole.
 */
export async function openRegions(
  bytes: Uint8Array,
  limits: DecodingLimits = defaultLimits,
  colour: Colour = "profile",
  known?: Reading,
): Promise<OpenPicture> {
  checkBytes(bytes.length, limits);
  const format = recogniseFormat(bytes);
  if (format === "bmp") {
    const image = decodeWholeBmp(bytes, limits);
    const { data: _, ...facts } = image;
    return { facts, reading: known, read: (region) => Promise.resolve(crop(image, region)) };
  }
  const source = await openPicture(bytes, format, colour);
  checkSides(source.width, source.height);
  const reading = known ?? decideReading(source, await surveyInBands(source));
  return {
    facts: factsOf(source, reading),
    reading,
    async read(region) {
      checkPixels(region.width, region.height, limits);
      checkWithin(source, region);
      return asSrgb(source, await readSamples(source, region), reading);
    },
  };
}

/** Width and height as the headers say, after EXIF orientation. Throws as `decode` does for what cannot be read at all. */
export async function measure(
  bytes: Uint8Array,
  limits: DecodingLimits = defaultLimits,
): Promise<Pick<PictureFacts, "width" | "height">> {
  checkBytes(bytes.length, limits);
  const format = recogniseFormat(bytes);
  const { width, height } = format === "bmp" ? decodeBmp(bytes, limits) : await openPicture(bytes, format, "profile");
  return { width, height };
}

/** 8-bit samples come with their profile applied; of deep ones it is applied once they are scaled. */
async function asSrgb({ deep, profile, grey }: PictureSource, samples: Samples, reading: Reading): Promise<RgbImage> {
  const image = toRgb(samples, reading);
  return deep && profile ? applyProfile(image, profile.icc, grey) : image;
}

/** Opaque 8-bit samples need no look at their values. */
const saysItself = ({ deep, alpha }: PictureSource): boolean => !deep && !alpha;

/** Pixels that come into memory at once where a picture is gone through from top to bottom. */
export const bandPixels = 12_000_000;

async function surveyInBands(source: PictureSource): Promise<Survey> {
  let seen = emptySurvey;
  if (saysItself(source)) return seen;
  const rows = Math.max(1, Math.floor(bandPixels / source.width));
  for (let top = 0; top < source.height; top += rows) {
    const band = { left: 0, top, width: source.width, height: Math.min(rows, source.height - top) };
    seen = survey(seen, await readSamples(source, band), source.alpha);
  }
  return seen;
}

function factsOf(source: PictureSource, reading: Reading): PictureFacts {
  const { width, height, format, pixelsPerInch = 0 } = source;
  return {
    width,
    height,
    format,
    warnings: [...source.notes, ...reading.notes],
    ...resolution(pixelsPerInch / 25_400),
  };
}

function decodeWholeBmp(bytes: Uint8Array, limits: DecodingLimits): DecodedImage {
  const { pixelsPerMetre, ...image } = decodeBmp(bytes, limits);
  return { ...image, format: "bmp", ...resolution(pixelsPerMetre / 1e6) };
}

/** Pixels a micrometre, when between 0.05 and 20 micrometres a pixel; printers' and screens' resolutions say nothing. */
function resolution(pixelsPerMicron: number): { micronsPerPixel?: number } {
  const micronsPerPixel = 1 / pixelsPerMicron;
  return micronsPerPixel >= 0.05 && micronsPerPixel <= 20 ? { micronsPerPixel } : {};
}
