import { ImageError } from "../../contract/errors";
import { decodeBmp } from "./bmp";
import { endOfImage } from "./file-structure";
import type { RgbImage } from "../image";
import { type ImageFormat, recogniseFormat } from "./image-format";
import { checkBytes, checkPixels, type DecodingLimits, defaultLimits } from "./limits";
import { sharp } from "./loaders";
import type { Region } from "../../contract/region";
import { checkWithin, crop } from "../crop";

export interface DecodedImage extends RgbImage {
  readonly format: ImageFormat;
  /** What was done to the image that a reader of the result should know. */
  readonly warnings: readonly string[];
  /** Micrometres a pixel, where the file states a resolution that a microscope could have. */
  readonly micronsPerPixel?: number;
}

/**
 * Decodes JPEG, PNG, TIFF, WebP or BMP into 8-bit sRGB: EXIF orientation applied, 16 bits scaled to 8, CMYK and embedded
 * profiles converted, grey spread to three channels, transparency composited on white, the first page of several.
 * Throws an ImageError: image.empty, image.not-an-image, image.format-refused, image.too-large, image.truncated,
 * image.corrupt, image.unsupported.
 */
export async function decode(bytes: Uint8Array, limits: DecodingLimits = defaultLimits): Promise<DecodedImage> {
  return decodePart(bytes, undefined, limits);
}

/**
 * As `decode`, but only a rectangle of the image comes into memory, and the pixel limit holds for it alone: for images that
 * are too large as a whole. In pixels after EXIF orientation. Throws image.tile for a rectangle that leaves the image.
 */
export async function decodeRegion(
  bytes: Uint8Array,
  region: Region,
  limits: DecodingLimits = defaultLimits,
): Promise<DecodedImage> {
  return decodePart(bytes, region, limits);
}

async function decodePart(
  bytes: Uint8Array,
  region: Region | undefined,
  limits: DecodingLimits,
): Promise<DecodedImage> {
  checkBytes(bytes.length, limits);
  const format = recogniseFormat(bytes);
  if (format === "bmp") {
    const { pixelsPerMetre, warnings, ...image } = decodeBmp(bytes, limits);
    return { ...(region ? crop(image, region) : image), warnings, format, ...scale(pixelsPerMetre / 1e6) };
  }
  const end = endOfImage(format, bytes);
  const extra = end === undefined ? 0 : Math.max(0, bytes.length - end);
  const described = await describe(bytes, format, region, limits);
  const image = await read(bytes, format, region, limits);
  const warnings = [
    ...described.warnings,
    ...(extra > 0 ? [`${extra} bytes after the end of the image were ignored`] : []),
  ];
  return { ...image, format, warnings, ...scale((described.pixelsPerInch ?? 0) / 25_400) };
}

interface Description {
  readonly warnings: string[];
  readonly pixelsPerInch: number | undefined;
}

async function describe(
  bytes: Uint8Array,
  format: ImageFormat,
  region: Region | undefined,
  limits: DecodingLimits,
): Promise<Description> {
  const metadata = await sharp(bytes, { limitInputPixels: false, failOn: strictness(format) })
    .metadata()
    .catch((cause: unknown) => {
      throw asImageError(cause, format);
    });
  if (region) {
    checkPixels(region.width, region.height, limits);
    checkWithin(metadata.autoOrient, region);
  } else {
    checkPixels(metadata.width, metadata.pageHeight ?? metadata.height, limits);
  }
  if (["float", "double", "complex", "dpcomplex"].includes(metadata.depth)) {
    throw new ImageError(
      "image.unsupported",
      `Expected 8 or 16 bits a channel but the ${format} file holds values of type ${metadata.depth}`,
    );
  }
  const warnings = [
    (metadata.pages ?? 1) > 1 && `the first of ${metadata.pages} pages was used`,
    metadata.depth !== "uchar" &&
      `${metadata.depth === "ushort" ? "16" : "more than 8"} bits a channel were scaled to 8`,
    metadata.space === "cmyk" && "CMYK was converted to sRGB",
    metadata.hasAlpha && "transparency was composited on white",
  ].filter((warning) => typeof warning === "string");
  return { warnings, pixelsPerInch: metadata.density };
}

async function read(
  bytes: Uint8Array,
  format: ImageFormat,
  region: Region | undefined,
  limits: DecodingLimits,
): Promise<RgbImage> {
  const image = sharp(bytes, {
    limitInputPixels: region ? false : limits.pixels,
    failOn: strictness(format),
    autoOrient: true,
  });
  const { data, info } = await (region ? image.extract(region) : image)
    .flatten({ background: "#ffffff" })
    .toColourspace("srgb")
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true })
    .catch((cause: unknown) => {
      throw asImageError(cause, format);
    });
  if (info.channels !== 3)
    throw new ImageError(
      "image.unsupported",
      `Expected three colour channels after conversion but received ${info.channels}`,
    );
  return {
    width: info.width,
    height: info.height,
    data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  };
}

/** Microscopes write private TIFF tags, which count as warnings; in the other formats a warning means damaged pixels. */
const strictness = (format: ImageFormat): "error" | "warning" => (format === "tiff" ? "error" : "warning");

function asImageError(cause: unknown, format: ImageFormat): ImageError {
  if (cause instanceof ImageError) return cause;
  const message = (cause instanceof Error ? cause.message : String(cause)).trim().replaceAll(/\s*\n\s*/g, "; ");
  if (/exceeds pixel limit/i.test(message))
    return new ImageError("image.too-large", `Expected fewer pixels in the ${format} file: ${message}`, { cause });
  if (/premature|truncat|unexpected end|out of data|not enough|read error|too short|end of file/i.test(message)) {
    return new ImageError("image.truncated", `Expected a complete ${format} file but it ends early (${message})`, {
      cause,
    });
  }
  return new ImageError("image.corrupt", `Expected a ${format} file that decodes without damage but: ${message}`, {
    cause,
  });
}

/** Pixels a micrometre, when between 0.05 and 20 micrometres a pixel; printers' and screens' resolutions say nothing. */
function scale(pixelsPerMicron: number): { micronsPerPixel?: number } {
  const micronsPerPixel = 1 / pixelsPerMicron;
  return micronsPerPixel >= 0.05 && micronsPerPixel <= 20 ? { micronsPerPixel } : {};
}
