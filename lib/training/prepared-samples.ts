import { ImageError, UserError } from "../contract/errors";
import { Decoder } from "../imaging/preparing/decoder";
import type { RgbImage } from "../imaging/image";
import { maskBright } from "../imaging/preparing/otsu";
import { frame } from "../imaging/preparing/preprocess";
import { resizeBilinear } from "../imaging/preparing/resample";
import { CellMasker } from "./cell-masker";
import type { LabelledFile } from "./data-set";

export interface PreparationOptions {
  /** Height and width of the network's input. */
  readonly size: number;
  /** Applies the study's Otsu mask before resizing. */
  readonly masked: boolean;
  /** Model folder of a U-Net whose mask takes the place of Otsu's. */
  readonly maskModel?: string | undefined;
  /** Leaves unreadable images out instead of refusing the whole set. */
  readonly skipUnreadable: boolean;
  /** Bytes of prepared images kept in memory; those beyond are decoded again whenever they are needed. */
  readonly memoryBytes?: number;
  readonly onProgress?: (done: number, total: number) => void;
}

/** An image whose shorter side is the network's; the centre crop of `size` pixels begins at (left, top). */
export interface PreparedImage extends RgbImage {
  readonly left: number;
  readonly top: number;
}

export interface UnreadableImage {
  readonly name: string;
  readonly reason: string;
}

const defaultMemoryBytes = 1.5e9;
/** Rotation by 25° shows at most this much more than the crop, as a share of it. */
const rotationMargin = 0.17;
const decoders = 2;

/** The images of a set, decoded and resized once and kept while they fit in memory. */
export class PreparedImages {
  private spare: Decoder | undefined;

  private constructor(
    readonly files: readonly LabelledFile[],
    readonly unreadable: readonly UnreadableImage[],
    private readonly kept: ReadonlyMap<string, PreparedImage>,
    private readonly options: PreparationOptions,
    private readonly masker: CellMasker | undefined,
  ) {}

  /** @throws UserError "data.unreadable", which lists the images that cannot be read, unless they are to be skipped */
  static async load(files: readonly LabelledFile[], options: PreparationOptions): Promise<PreparedImages> {
    const kept = new Map<string, PreparedImage>();
    const unreadable: UnreadableImage[] = [];
    const masker = options.maskModel === undefined ? undefined : await CellMasker.open(options.maskModel);
    let bytes = 0,
      next = 0,
      done = 0;
    const work = async (): Promise<void> => {
      const decoder = new Decoder();
      try {
        for (let file = files[next++]; file; file = files[next++]) {
          const outcome = await prepareFile(decoder, file, options, masker).catch((error: unknown) => {
            if (!(error instanceof ImageError)) throw error;
            unreadable.push({ name: file?.name ?? "", reason: error.message });
          });
          if (outcome && bytes + outcome.data.length <= (options.memoryBytes ?? defaultMemoryBytes)) {
            kept.set(file.name, outcome);
            bytes += outcome.data.length;
          }
          options.onProgress?.(++done, files.length);
        }
      } finally {
        await decoder.close();
      }
    };
    await Promise.all(Array.from({ length: Math.min(decoders, Math.max(1, files.length)) }, work));
    unreadable.sort((a, b) => (a.name < b.name ? -1 : 1));
    if (unreadable.length > 0 && !options.skipUnreadable)
      throw new UserError("data.unreadable", describeUnreadable(unreadable));
    const broken = new Set(unreadable.map(({ name }) => name));
    return new PreparedImages(
      files.filter(({ name }) => !broken.has(name)),
      unreadable,
      kept,
      options,
      masker,
    );
  }

  async image(file: LabelledFile): Promise<PreparedImage> {
    const known = this.kept.get(file.name);
    if (known) return known;
    // Kept open for the next one: it ends with the thread that it belongs to, and holds nothing back while idle.
    this.spare ??= new Decoder();
    return prepareFile(this.spare, file, this.options, this.masker);
  }
}

async function prepareFile(
  decoder: Decoder,
  file: LabelledFile,
  { size, masked }: PreparationOptions,
  masker: CellMasker | undefined,
): Promise<PreparedImage> {
  const decoded = await decoder.decode(file.file);
  const { resizedWidth, resizedHeight, left, top } = frame(decoded.width, decoded.height, {
    width: size,
    height: size,
  });
  const margin = Math.ceil(rotationMargin * size) + 1;
  const x = Math.max(0, left - margin),
    y = Math.max(0, top - margin);
  const window = {
    left: x,
    top: y,
    width: Math.min(resizedWidth, left + size + margin) - x,
    height: Math.min(resizedHeight, top + size + margin) - y,
  };
  const whole = { width: decoded.width, height: decoded.height, data: decoded.data };
  const source = masker ? await masker.mask(whole) : masked ? maskBright(whole) : whole;
  return { ...resizeBilinear(source, resizedWidth, resizedHeight, window), left: left - x, top: top - y };
}

function describeUnreadable(unreadable: readonly UnreadableImage[]): string {
  const shown = unreadable
    .slice(0, 20)
    .map(({ name, reason }) => `\n  ${name}: ${reason}`)
    .join("");
  const more = unreadable.length > 20 ? `\n  … and ${unreadable.length - 20} more` : "";
  return `Expected images that can be read but ${unreadable.length} cannot (pass --skip-unreadable to leave them out):${shown}${more}`;
}
