import type { Colour } from "../../contract/settings";
import { ImageError } from "../../contract/errors";
import type { Region } from "../../contract/region";
import { endOfImage } from "./file-structure";
import { describeProfile } from "./icc-profile";
import type { ImageFormat } from "./image-format";
import type { Meaning, Samples } from "./levels";
import { sharp } from "./loaders";
import { findTiffPicture } from "./tiff-picture";

/** A picture in a file that libvips reads: where it lies and what its samples mean, before any pixel is read. */
export interface PictureSource extends Meaning {
  readonly bytes: Uint8Array;
  readonly format: ImageFormat;
  /** One page, or three that are red, green and blue. */
  readonly pages: readonly number[];
  readonly inner?: number;
  /** After EXIF orientation. */
  readonly width: number;
  readonly height: number;
  readonly grey: boolean;
  readonly notes: readonly string[];
  readonly pixelsPerInch: number | undefined;
}

/** Reads the headers. Throws ImageErrors as `decode` does. */
export async function openPicture(
  bytes: Uint8Array,
  format: Exclude<ImageFormat, "bmp">,
  colour: Colour,
): Promise<PictureSource> {
  const end = endOfImage(format, bytes);
  const extra = end === undefined ? 0 : Math.max(0, bytes.length - end);
  const tiff = format === "tiff" ? findTiffPicture(bytes) : undefined;
  const place = {
    bytes: tiff?.bytes ?? bytes,
    format,
    ...(tiff?.inner === undefined ? {} : { inner: tiff.inner }),
  };
  const metadata = await reader(place, tiff?.pages[0], true)
    .metadata()
    .catch((cause: unknown) => {
      throw asImageError(cause, format);
    });
  const { width, height } = metadata.autoOrient;
  const deep = metadata.depth === "ushort" && ["rgb16", "grey16"].includes(metadata.space);
  const profile = colour === "profile" ? describeProfile(metadata.icc) : undefined;
  const cmyk = metadata.space === "cmyk";
  const applies = profile && !profile.isSrgb && profile.space === spaceOf(metadata.space) && tiff?.pages.length !== 3;
  return {
    ...place,
    pages: tiff?.pages ?? [0],
    width,
    height,
    deep,
    grey: metadata.space === "grey16" || metadata.space === "b-w",
    alpha: tiff ? tiff.alpha : metadata.hasAlpha ? { extra: 0, premultiplied: false } : undefined,
    inverted: tiff?.inverted ?? false,
    largestValue: tiff?.largestValue,
    profile: applies && metadata.icc ? { name: profile.name, icc: metadata.icc } : undefined,
    pixelsPerInch: metadata.density,
    notes: [
      ...(tiff?.notes ?? []),
      ...(!tiff && (metadata.pages ?? 1) > 1
        ? [`the first of ${metadata.pages} pictures was used: the others were not looked at`]
        : []),
      ...(!deep && metadata.depth === "ushort" ? ["16 bits a channel were scaled to 8"] : []),
      ...(cmyk && !applies ? ["CMYK was converted to sRGB without its profile: the colours are approximate"] : []),
      ...(extra > 0 ? [`${extra} bytes after the end of the image were ignored`] : []),
    ],
  };
}

const spaceOf = (space: string): string => (/^(b-w|grey16)$/.test(space) ? "GRAY" : space === "cmyk" ? "CMYK" : "RGB");

/** The samples of a region, or of the whole picture: deep ones as stored, others with the embedded profile applied. */
export async function readSamples(source: PictureSource, region?: Region): Promise<Samples> {
  const planes: Samples[] = [];
  for (const page of source.pages) planes.push(await readPage(source, page, region));
  const [first] = planes;
  if (!first) throw new ImageError("image.corrupt", `Expected a page in the ${source.format} file but found none`);
  return planes.length === 1 ? first : interleave(first, planes);
}

async function readPage(source: PictureSource, page: number, region: Region | undefined): Promise<Samples> {
  const { deep, grey } = source;
  const image = reader(source, page, !deep && source.profile !== undefined);
  const { data, info } = await (region ? image.extract(region) : image)
    .toColourspace(deep ? (grey ? "grey16" : "rgb16") : "srgb")
    .raw({ depth: deep ? "ushort" : "uchar" })
    .toBuffer({ resolveWithObject: true })
    .catch((cause: unknown) => {
      throw asImageError(cause, source.format);
    });
  const { width, height, channels } = info;
  const expected = (grey && deep ? 1 : 3) + (source.alpha ? source.alpha.extra + 1 : 0);
  if (channels < expected)
    throw new ImageError(
      "image.unsupported",
      `Expected at least ${expected} channels after conversion but received ${channels}`,
    );
  const count = width * height * channels;
  return {
    width,
    height,
    channels,
    data: deep
      ? new Uint16Array(data.buffer, data.byteOffset, count)
      : new Uint8Array(data.buffer, data.byteOffset, count),
  };
}

/** Pages of one channel each as the channels of one picture. */
function interleave({ width, height, data }: Samples, planes: readonly Samples[]): Samples {
  const channels = planes.length;
  const joined =
    data instanceof Uint16Array
      ? new Uint16Array(width * height * channels)
      : new Uint8Array(width * height * channels);
  planes.forEach((plane, channel) => {
    for (let i = 0, o = channel; o < joined.length; i += plane.channels, o += channels)
      joined[o] = plane.data[i] as number;
  });
  return { width, height, channels, data: joined };
}

/** Our own limits hold: a region of a large picture is no large picture. */
function reader(
  { bytes, format, inner }: Pick<PictureSource, "bytes" | "format" | "inner">,
  page: number | undefined,
  converted: boolean,
): ReturnType<typeof sharp> {
  return sharp(bytes, {
    limitInputPixels: false,
    failOn: strictness(format),
    autoOrient: true,
    ignoreIcc: !converted,
    ...(page === undefined ? {} : { page }),
    ...(inner === undefined ? {} : { tiff: { subifd: inner } }),
  });
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
