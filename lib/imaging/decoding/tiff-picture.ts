import { ImageError } from "../../contract/errors";
import { declaredPages, labelName } from "./declared-channels";
import { readTiffDirectories, type TiffDirectory, withShort } from "./tiff-directories";
import { checkSamples, type SampleMeaning } from "./tiff-samples";

/** Where a TIFF's picture lies, and what its samples mean. */
export interface TiffPicture extends SampleMeaning {
  /** The file as libvips is to read it. */
  readonly bytes: Uint8Array;
  /** One page, or three: red, green and blue. */
  readonly pages: readonly number[];
  /** The number of a picture inside the page (SubIFD). */
  readonly inner?: number;
  /** Width and height as stored, before any turning. */
  readonly width: number;
  readonly height: number;
  readonly notes: readonly string[];
}

interface Candidate {
  readonly directory: TiffDirectory;
  readonly page: number;
  readonly inner?: number;
}

/**
 * The picture of a TIFF file: the full one, not a reduced one or a page of a label or macro, which carry patients' names and
 * are never shown. Of pages of one size the first; three pages that ImageJ or OME declare as channels are put together.
 * Throws image.truncated, image.corrupt, image.unsupported or image.compression.
 */
export function findTiffPicture(bytes: Uint8Array): TiffPicture {
  const directories = readTiffDirectories(bytes);
  const { hidden, channels, significantBits } = declaredPages(directories);
  if (channels) {
    const three = channels.pages.map((page) => directories[page]);
    const [red] = three;
    if (!red || three.some((one) => one?.width !== red.width || one.height !== red.height || one.samples !== 1))
      throw new ImageError(
        "image.unsupported",
        "Expected channels of one size on the pages of the TIFF file but they differ: save the picture as RGB",
      );
    for (const one of three) if (one) checkSamples(one, significantBits);
    return {
      ...checkSamples(red, significantBits),
      bytes,
      pages: channels.pages,
      width: red.width,
      height: red.height,
      notes: [
        `three pages that ${channels.by} calls channels were put together as red, green and blue`,
        ...(channels.further > 0 ? [`the first plane of ${channels.further + 1} was used`] : []),
      ],
    };
  }
  const { candidate, notes } = choose(directories, new Set(hidden));
  const { directory, page, inner } = candidate;
  const samples = checkSamples(directory, significantBits);
  return {
    ...samples,
    bytes: asMeant(bytes, directory, samples),
    pages: [page],
    ...(inner === undefined ? {} : { inner }),
    width: directory.width,
    height: directory.height,
    notes: [...notes, ...samples.notes],
  };
}

function choose(
  directories: readonly TiffDirectory[],
  hidden: ReadonlySet<number>,
): { candidate: Candidate; notes: string[] } {
  const shown = directories.flatMap((directory, page): Candidate[] =>
    hidden.has(page) || isLabel(directory)
      ? []
      : [{ directory, page }, ...directory.inner.map((one, inner) => ({ directory: one, page, inner }))],
  );
  const full = shown.filter(({ directory }) => (directory.subfileType & 0b101) === 0);
  const pictures = full.length > 0 ? full : shown.filter(({ directory }) => (directory.subfileType & 4) === 0);
  const [first] = pictures;
  if (!first)
    throw new ImageError(
      "image.unsupported",
      "Expected a picture in the TIFF file but it holds only a label, an overview or a mask, which are never shown",
    );
  const candidate = pictures.reduce((best, one) => (area(one) > area(best) ? one : best), first);
  // Smaller versions of the picture are no pages of their own.
  const others = pictures.filter((one) => one.inner === undefined && !isSmallerVersion(one, candidate));
  const notes: string[] = [];
  if (full.length === 0) notes.push("the file holds a reduced picture only: what the full one shows is not seen");
  if (others.length > 1) {
    const which = others[0] === candidate ? "the first" : `number ${candidate.page + 1}, the largest`;
    const grey = candidate.directory.samples === 1 && (candidate.directory.photometric ?? 1) < 2 ? ", as grey" : "";
    notes.push(`${which} of ${directories.length} pages was used${grey}: the others were not looked at`);
  }
  return { candidate, notes };
}

const isLabel = ({ description, subfileType, sourceLens }: TiffDirectory): boolean =>
  subfileType === 9 ||
  (sourceLens !== undefined && sourceLens < 0) ||
  // An XML description is of the whole file, and names its labels elsewhere.
  (!description.trimStart().startsWith("<") && labelName.test(description.slice(0, 200)));

const area = ({ directory: { width, height } }: Candidate): number => width * height;

/** The same shape in fewer pixels (halving rounds: one more or less is the same), or what Aperio says is made of another. */
function isSmallerVersion({ directory: one }: Candidate, { directory: full }: Candidate): boolean {
  if (/^Aperio .*\d+x\d+ -> \d+x\d+/s.test(one.description.slice(0, 500))) return true;
  if (one.width >= full.width) return false;
  const factor = full.width / Math.max(1, one.width);
  return Math.abs(one.height * factor - full.height) <= 2 * factor;
}

const [blackIsZero, rgb] = [1, 2] as const;
const photometricTag = 262;
const extraSamplesTag = 338;

/** libvips guesses three unnamed samples to be grey, turns values round before they are scaled, and divides by a transparency that may say nothing. */
function asMeant(
  bytes: Uint8Array,
  { valueOffsets }: TiffDirectory,
  { alpha, unnamed, inverted }: SampleMeaning,
): Uint8Array {
  const photometric = valueOffsets.get(photometricTag);
  const extra = valueOffsets.get(extraSamplesTag);
  if (unnamed && photometric !== undefined) return withShort(bytes, photometric, rgb);
  if (inverted && photometric !== undefined) return withShort(bytes, photometric, blackIsZero);
  if (alpha?.premultiplied === true && extra !== undefined) return withShort(bytes, extra + 2 * alpha.extra, 0);
  return bytes;
}
