import { ImageError } from "../../contract/errors";
import type { TiffDirectory } from "./tiff-directories";

/** What the numbers of a pixel are. */
export interface SampleMeaning {
  /** The transparency among the samples beyond the colours, where one is declared. */
  readonly alpha: { readonly extra: number; readonly premultiplied: boolean } | undefined;
  /** Three samples that the file gives no colours. */
  readonly unnamed: boolean;
  /** Deep grey values whose smallest is white (WhiteIsZero): to be turned round after scaling. */
  readonly inverted: boolean;
  /** The value that is white, where the file states one below the largest that its bits hold. */
  readonly largestValue: number | undefined;
  readonly notes: readonly string[];
}

const [jpegInTiff, ycbcr, cmyk] = [7, 6, 5] as const;

/** Compressions that this build of libvips reads; others it may read as black without a word. */
const readable = new Set([1, 2, 3, 4, 5, 7, 8, 32773, 32946, 50001]);

const compressionNames: Readonly<Record<number, string>> = {
  6: "old-style JPEG",
  9: "JBIG",
  10: "JBIG",
  32809: "ThunderScan",
  33003: "JPEG 2000 (Aperio)",
  33004: "JPEG 2000 (Aperio)",
  33005: "JPEG 2000 (Aperio)",
  34661: "JBIG",
  34676: "SGI LogLuv",
  34677: "SGI LogLuv",
  34712: "JPEG 2000",
  34887: "LERC",
  34892: "DNG lossy JPEG",
  34925: "LZMA",
  34926: "Zstandard",
  34934: "JPEG XR",
  50000: "Zstandard",
  50002: "JPEG XL",
  52546: "JPEG XL",
};

/** More are spectra, not pictures. */
const mostSamples = 32;

const coloursOf: Readonly<Record<number, number>> = { 0: 1, 1: 1, 2: 3, 3: 1, 5: 4, 6: 3 };

/** Throws image.compression or image.unsupported for samples that cannot be shown right. */
export function checkSamples(directory: TiffDirectory, significantBits: number | undefined): SampleMeaning {
  checkCompression(directory);
  checkNumbers(directory);
  const { photometric = directory.samples >= 3 ? 2 : 1, samples, extraSamples } = directory;
  const colours = coloursOf[photometric];
  if (colours === undefined)
    throw refused(
      `colours of another kind (photometric interpretation ${photometric}, for example CIELab or raw data)`,
    );
  if (photometric === ycbcr && directory.compression !== jpegInTiff)
    throw refused("YCbCr samples that are not compressed as JPEG");
  if (photometric === cmyk && (samples !== 4 || (directory.inkSet ?? 1) !== 1))
    throw refused(`${samples} inks, not cyan, magenta, yellow and black alone`);
  if (samples > mostSamples) throw refused(`${samples} samples a pixel`);
  if (samples < colours) throw refused(`${samples} samples a pixel where its colours need ${colours}`);
  const extras = Array.from({ length: samples - colours }, (_, i) => extraSamples[i] ?? 0);
  const at = extras.findIndex((kind) => kind === 1 || kind === 2);
  const alpha = at < 0 ? undefined : { extra: at, premultiplied: extras[at] === 1 };
  const unspecified = extras.length - (alpha ? 1 : 0);
  const unnamed = photometric === 1 && samples === 3 && !alpha;
  if (colours === 1 && samples > 2 && !unnamed)
    throw refused(`${samples} samples a pixel that it gives no colours (channels of fluorescence?)`);
  return {
    alpha,
    unnamed,
    inverted: photometric === 0 && directory.bits[0] === 16,
    largestValue: statedLargest(directory, significantBits),
    notes: unnamed
      ? ["three samples that the file gives no colours were taken as red, green and blue"]
      : unspecified > 0
        ? [
            `${unspecified === 1 ? "one sample" : `${unspecified} samples`} beyond the colours, which the file does not call transparency, left out`,
          ]
        : [],
  };
}

function checkCompression({ compression }: TiffDirectory): void {
  if (readable.has(compression)) return;
  throw new ImageError(
    "image.compression",
    `Expected a TIFF file compressed with LZW, Deflate, PackBits, JPEG, WebP or not at all but its pixels are compressed with ${
      compressionNames[compression] ?? `method ${compression}`
    }, which is not read here: the file may well be sound. Convert it, for example: tiffcp -c lzw in.tif out.tif, or vips tiffsave in.tif out.tif --compression lzw`,
  );
}

function checkNumbers({ bits, sampleFormat }: TiffDirectory): void {
  const format = sampleFormat.find((one) => one !== 1 && one !== 4);
  const [depth = 1] = bits;
  const kind = format === 2 ? "signed whole numbers" : format === 3 ? "floating-point numbers" : "complex numbers";
  if (format !== undefined) throw refused(`${depth}-bit ${kind}, which do not say what is black and what is white`);
  if (bits.some((one) => one !== depth)) throw refused(`samples of different depths (${bits.join(", ")} bits)`);
  if (depth > 16) throw refused(`${depth}-bit whole numbers, which do not say what is white`);
  if (![1, 2, 4, 8, 16].includes(depth)) throw refused(`${depth} bits a sample packed without gaps`);
}

function statedLargest({ bits, largestValue }: TiffDirectory, significantBits: number | undefined): number | undefined {
  if (bits[0] !== 16) return undefined;
  const stated = largestValue ?? (significantBits === undefined ? undefined : 2 ** significantBits - 1);
  return stated !== undefined && stated > 0 && stated < 65_535 ? stated : undefined;
}

const refused = (what: string): ImageError =>
  new ImageError(
    "image.unsupported",
    `Expected grey or RGB with 8 or 16 bits a sample but the TIFF file holds ${what}: save it as 8-bit RGB (ImageJ: Image > Type > RGB Color, or 8-bit)`,
  );
