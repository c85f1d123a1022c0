import { ImageError } from "../../contract/errors";
import type { TiffDirectory } from "./tiff-directories";

/** Three grey pages that a file says are one picture's red, green and blue. */
interface ChannelPages {
  /** Numbers of the pages with red, green and blue. */
  readonly pages: readonly [number, number, number];
  /** Who says so, for the note. */
  readonly by: "ImageJ" | "OME";
  /** Planes of focus or time beside the one that is taken. */
  readonly further: number;
}

export interface DeclaredPages {
  readonly channels?: ChannelPages;
  /** Pages whose pictures have names of labels or overviews. */
  readonly hidden: readonly number[];
  /** Bits that carry the picture, where fewer than are stored. */
  readonly significantBits?: number;
}

/** How a page that shows a label with a patient's name, or the whole slide with it, is called. */
export const labelName = /\b(label|macro|overview|barcode)(?![a-z])|label_image/i;

/**
 * What ImageJ or OME-TIFF say in the first page's description: which pages are channels of one picture, and which are
 * labels. Throws image.unsupported for channels that are not red, green and blue.
 */
export function declaredPages(directories: readonly TiffDirectory[]): DeclaredPages {
  const [first] = directories;
  if (!first) return { hidden: [] };
  if (first.description.startsWith("ImageJ=")) return imageJPages(first, directories.length);
  if (/<(\w+:)?OME[\s>]/.test(first.description.slice(0, 4000))) return omePages(first, directories.length);
  return { hidden: [] };
}

function imageJPages(first: TiffDirectory, count: number): DeclaredPages {
  const value = (name: string): number =>
    Number(new RegExp(`^${name}=(\\d{1,9})\\s*$`, "m").exec(first.description)?.[1] ?? 1);
  const channels = value("channels");
  if (channels === 1 || first.samples > 1) return { hidden: [] };
  if (channels !== 3) throw notRgb(`${channels} channels`);
  if (count < 3) throw pagesMissing(3, count);
  const pages = imageJColours(first) ?? ([0, 1, 2] as const);
  return { channels: { pages, by: "ImageJ", further: value("slices") * value("frames") - 1 }, hidden: [] };
}

/** The pages in the order red, green, blue, where ImageJ has kept a colour table for each; throws for other colours. */
function imageJColours(first: TiffDirectory): [number, number, number] | undefined {
  const tables = imageJTables(first);
  if (tables.length !== 3) return undefined;
  const colours = tables.map((table) => [0, 1, 2].filter((colour) => (table[colour * 256 + 255] ?? 0) > 127));
  // Grey tables say nothing of colours.
  if (colours.every((list) => list.length === 3)) return undefined;
  const pages = [0, 1, 2].map((colour) => colours.findIndex((list) => list.length === 1 && list[0] === colour));
  if (pages.some((page) => page < 0)) throw notRgb("three channels with colours of their own");
  return pages as [number, number, number];
}

/** Colour tables of 768 bytes in ImageJ's metadata: a header of types and counts, then the parts one after another. */
function imageJTables({ imageJ }: TiffDirectory): Uint8Array[] {
  const [headerLength] = imageJ?.lengths ?? [];
  if (!imageJ || headerLength === undefined || headerLength > imageJ.data.length) return [];
  const header = Buffer.from(imageJ.data.subarray(0, headerLength));
  const order = header.toString("latin1", 0, 4);
  if (order !== "IJIJ" && order !== "JIJI") return [];
  const tables: Uint8Array[] = [];
  let part = 1;
  let at = headerLength;
  for (let entry = 4; entry + 8 <= header.length; entry += 8) {
    const type = header.toString("latin1", entry, entry + 4);
    const count = order === "IJIJ" ? header.readUInt32BE(entry + 4) : header.readUInt32LE(entry + 4);
    for (let i = 0; i < count && part < imageJ.lengths.length; i++, part++) {
      const length = imageJ.lengths[part] ?? 0;
      if ((type === "luts" || type === "stul") && length === 768) tables.push(imageJ.data.subarray(at, at + length));
      at += length;
    }
  }
  return tables;
}

function omePages(first: TiffDirectory, count: number): DeclaredPages {
  const hidden: number[] = [];
  let channels: ChannelPages | undefined;
  let significantBits: number | undefined;
  let page = 0;
  let shown = 0;
  // Each image's planes follow one another, in the order in which the images are described.
  for (const image of first.description.split(/<(?:\w+:)?Image(?=[\s>])/).slice(1, 1000)) {
    const name = /^[^>]*\bName="([^"]*)"/.exec(image.slice(0, 1000))?.[1] ?? "";
    const pixels = /<(?:\w+:)?Pixels\s[^<>]*>/.exec(image)?.[0] ?? "";
    const size = (axis: string): number => Number(new RegExp(`\\bSize${axis}="(\\d{1,9})"`).exec(pixels)?.[1] ?? 1);
    const described = image.match(/<(?:\w+:)?Channel\s[^<>]*>/g) ?? [];
    const perPage = Number(/\bSamplesPerPixel="(\d{1,4})"/.exec(described[0] ?? "")?.[1] ?? 1);
    const planes = { C: Math.max(1, Math.round(size("C") / perPage)), Z: size("Z"), T: size("T") };
    const total = planes.C * planes.Z * planes.T;
    if (labelName.test(name)) {
      for (let i = page; i < Math.min(page + total, count); i++) hidden.push(i);
    } else if (shown++ === 0) {
      if (planes.C > 1) channels = omeChannels(planes, pixels, described, page, count);
      const bits = /\bSignificantBits="(\d{1,2})"/.exec(pixels)?.[1];
      if (bits !== undefined) significantBits = Number(bits);
    }
    page += total;
  }
  return {
    hidden,
    ...(channels ? { channels } : {}),
    ...(significantBits === undefined ? {} : { significantBits }),
  };
}

function omeChannels(
  planes: { readonly C: number; readonly Z: number; readonly T: number },
  pixels: string,
  described: readonly string[],
  start: number,
  count: number,
): ChannelPages {
  const names = described.map((channel) => /\bName="([^"]*)"/.exec(channel)?.[1] ?? "");
  if (planes.C !== 3) throw notRgb(`${planes.C} channels${named(names)}`);
  const order = /\bDimensionOrder="XY([CZT]{3})"/.exec(pixels)?.[1] ?? "CZT";
  const before = order.slice(0, order.indexOf("C"));
  const step = [...before].reduce((product, axis) => product * (axis === "Z" ? planes.Z : planes.T), 1);
  if (count < start + 2 * step + 1) throw pagesMissing(start + 2 * step + 1, count);
  const plain = names.every((name) => name === "" || /^(ch(annel)?)?[\s_:-]*\d*$/i.test(name));
  // Colours are RGBA in one signed number: without names they decide.
  const colours = described.map((channel) => Number(/\bColor="(-?\d{1,10})"/.exec(channel)?.[1] ?? Number.NaN) >>> 8);
  const byColour = [0xff0000, 0x00ff00, 0x0000ff].map((colour) => colours.indexOf(colour));
  const byName = [/^r(ed)?$/i, /^g(reen)?$/i, /^b(lue)?$/i].map((word) => names.findIndex((name) => word.test(name)));
  const unmarked = plain && colours.every((colour) => colour === 0 || colour === 0xffffff);
  const found = [byName, ...(plain ? [byColour] : []), ...(unmarked ? [[0, 1, 2]] : [])].find((pages) =>
    pages.every((page) => page >= 0),
  );
  if (!found) throw notRgb(`three channels${named(names)}`);
  return {
    pages: found.map((channel) => start + channel * step) as [number, number, number],
    by: "OME",
    further: planes.Z * planes.T - 1,
  };
}

const named = (names: readonly string[]): string =>
  names.some((name) => name !== "") ? ` (${names.slice(0, 8).join(", ").slice(0, 120)})` : "";

const notRgb = (what: string): ImageError =>
  new ImageError(
    "image.unsupported",
    `Expected a picture in red, green and blue but the TIFF file holds ${what} whose mixing is anyone's choice: save it as RGB (ImageJ: Image > Type > RGB Color)`,
  );

const pagesMissing = (expected: number, count: number): ImageError =>
  new ImageError(
    "image.unsupported",
    `Expected ${expected} pages with the channels that the TIFF file announces but it has ${count}: save the picture as RGB in one file`,
  );
