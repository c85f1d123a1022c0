import type { RgbImage } from "../image";

/** Samples as a file holds them: `channels` a pixel, interleaved, rows from the top. */
export interface Samples {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Uint8Array | Uint16Array;
}

export interface Alpha {
  /** Which of the samples beyond the colours. */
  readonly extra: number;
  readonly premultiplied: boolean;
}

/** What the values of a picture show. */
export interface Survey {
  readonly largest: number;
  readonly leastAlpha: number;
  readonly mostAlpha: number;
}

/** How samples become levels of 0 to 255: the same for every region of a picture. */
export interface Reading {
  /** The value that is white. */
  readonly white: number;
  /** Undefined: every pixel is opaque. */
  readonly alpha?: Alpha & { readonly opaque: number };
  /** The smallest value is white, not the largest. */
  readonly inverted: boolean;
  readonly notes: readonly string[];
}

export const emptySurvey: Survey = { largest: 0, leastAlpha: Number.POSITIVE_INFINITY, mostAlpha: 0 };

/** Adds a region's values to what is known of the whole. */
export function survey(before: Survey, { channels, data }: Samples, alpha: Alpha | undefined): Survey {
  let { largest, leastAlpha, mostAlpha } = before;
  const colours = coloursOf(channels);
  const at = alpha ? colours + alpha.extra : -1;
  for (let i = 0; i < data.length; i += channels) {
    for (let c = 0; c < colours; c++) if ((data[i + c] as number) > largest) largest = data[i + c] as number;
    if (at < 0) continue;
    const opacity = data[i + at] as number;
    if (opacity < leastAlpha) leastAlpha = opacity;
    if (opacity > mostAlpha) mostAlpha = opacity;
  }
  return { largest, leastAlpha, mostAlpha };
}

export const opacityIsZero = "opacity is 0 at every pixel, which says nothing: the colours were taken as opaque";
export const compositedOnWhite = "transparency was composited on white";

const cameraBits = [8, 10, 12, 14] as const;
const white16 = 65_535;

export interface Meaning {
  readonly deep: boolean;
  readonly alpha: Alpha | undefined;
  readonly inverted: boolean;
  /** The value that is white, where the file states one. */
  readonly largestValue: number | undefined;
  /** An embedded profile that is to be applied. */
  readonly profile: { readonly name: string; readonly icc: Uint8Array } | undefined;
}

/** What the values mean, told by the file where it says so and by the values themselves where it does not. */
export function decideReading({ deep, alpha, inverted, largestValue, profile }: Meaning, seen: Survey): Reading {
  const { white, note } = deep ? whiteOf(largestValue, seen.largest) : { white: 255, note: undefined };
  const transparency = alpha && transparencyOf(alpha, seen, white, deep);
  const notes = [
    note,
    transparency?.note,
    profile !== undefined && `the colours were converted from the profile ${JSON.stringify(profile.name)} to sRGB`,
  ].filter((text) => typeof text === "string");
  return { white, inverted, ...(transparency?.alpha ? { alpha: transparency.alpha } : {}), notes };
}

function whiteOf(stated: number | undefined, largest: number): { white: number; note: string } {
  if (stated !== undefined && largest <= stated)
    return {
      white: stated,
      note: `values were scaled to 8 bits so that ${stated}, which the file states as the largest, is white`,
    };
  const bits = cameraBits.find((count) => largest < 2 ** count);
  if (bits === undefined || largest === 0) return { white: white16, note: "16 bits a channel were scaled to 8" };
  return {
    white: 2 ** bits - 1,
    note: `values end at ${largest} of 65535: taken as ${bits} bits in 16, so that ${2 ** bits - 1} is white (else the picture would be nearly black)`,
  };
}

function transparencyOf(
  alpha: Alpha,
  { leastAlpha, mostAlpha }: Survey,
  white: number,
  deep: boolean,
): { note?: string; alpha?: Reading["alpha"] } {
  const opaque = deep && mostAlpha > white ? white16 : white;
  if (mostAlpha === 0) return { note: opacityIsZero };
  if (leastAlpha >= opaque) return {};
  return { note: compositedOnWhite, alpha: { ...alpha, opaque } };
}

/** 8-bit RGB. Levels are v · 256 / (white + 1), cut to whole numbers: what was widened by a shift or by repetition comes back exact. */
export function toRgb(samples: Samples, { white, alpha, inverted }: Reading): RgbImage {
  const { width, height, channels, data } = samples;
  if (data instanceof Uint8Array && channels === 3 && !alpha && !inverted) return { width, height, data };
  const levels = Uint8Array.from({ length: data instanceof Uint8Array ? 256 : white16 + 1 }, (_, value) => {
    const level = Math.min(255, Math.floor((value * 256) / (white + 1)));
    return inverted ? 255 - level : level;
  });
  const out = new Uint8Array(width * height * 3);
  const [green, blue] = coloursOf(channels) === 1 ? [0, 0] : [1, 2];
  for (let i = 0, o = 0; o < out.length; i += channels, o += 3) {
    out[o] = levels[data[i] as number] as number;
    out[o + 1] = levels[data[i + green] as number] as number;
    out[o + 2] = levels[data[i + blue] as number] as number;
  }
  if (alpha) layOnWhite(out, samples, alpha);
  return { width, height, data: out };
}

function layOnWhite(
  out: Uint8Array,
  { channels, data }: Samples,
  { extra, premultiplied, opaque }: NonNullable<Reading["alpha"]>,
): void {
  for (let i = coloursOf(channels) + extra, o = 0; o < out.length; i += channels, o += 3) {
    const opacity = Math.min(1, (data[i] as number) / opaque);
    if (opacity === 1) continue;
    const own = premultiplied ? 1 : opacity;
    const behind = 255 * (1 - opacity);
    for (let c = o; c < o + 3; c++) out[c] = Math.min(255, Math.round((out[c] as number) * own + behind));
  }
}

const coloursOf = (channels: number): number => (channels < 3 ? 1 : 3);
