import path from "node:path";
import { ImageError } from "../contract/errors";
import type { ModelCardInput } from "../contract/model-card";
import { Decoder } from "../imaging/preparing/decoder";
import type { LabelledFile } from "./data-set";
import { OverlapIndex, traceOf, type ImageTrace } from "./overlaps";

/** How much of what a model is judged by, it was trained with. */
export type Leakage = NonNullable<ModelCardInput["data"]["leakage"]>;

/** From here on two pictures are the same one. */
const duplicateShare = 0.9;
const atOnce = 2;

export interface LeakageOptions {
  readonly threads?: number | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * Looks for images of the held-out part that the training part knows: the same picture, a crop that overlaps, and names of one slide.
 * Reads every image; those that cannot be read are passed over. Turned, mirrored or differently magnified copies are not found.
 */
export async function findLeakage(
  train: readonly LabelledFile[],
  heldOut: readonly LabelledFile[],
  options: LeakageOptions = {},
): Promise<Leakage> {
  const index = new OverlapIndex();
  const trained: LabelledFile[] = [];
  const total = train.length + heldOut.length;
  let done = 0;
  const told = (): void => options.onProgress?.(++done, total);
  await eachTrace(train, (file, trace) => {
    if (trace) {
      index.add(trace);
      trained.push(file);
    }
    told();
  });
  const found: { share: number; text: string }[] = [];
  await eachTrace(heldOut, (file, trace) => {
    const overlap = trace && index.find(trace);
    if (overlap)
      found.push({
        share: overlap.share,
        text: `${file.name} and ${trained[overlap.image]?.name ?? ""} (${Math.round(100 * overlap.share)} %)`,
      });
    told();
  });
  const duplicates = found.filter(({ share }) => share >= duplicateShare).length;
  const names = sharedSlideNames(train, heldOut);
  return {
    checked: heldOut.length,
    duplicates,
    overlaps: found.length - duplicates,
    ...(names && names.count > 0 && { sameSlide: names.count, slidePattern: names.pattern }),
    examples: found
      .toSorted((a, b) => b.share - a.share || (a.text < b.text ? -1 : 1))
      .slice(0, 10)
      .map(({ text }) => text),
  };
}

async function eachTrace(
  files: readonly LabelledFile[],
  use: (file: LabelledFile, trace: ImageTrace | undefined) => void,
): Promise<void> {
  const decoders = Array.from({ length: atOnce }, () => new Decoder());
  const read = (file: LabelledFile, position: number): Promise<ImageTrace | undefined> =>
    (decoders[position % atOnce] ?? new Decoder()).decode(file.file).then(traceOf, (error: unknown) => {
      if (error instanceof ImageError) return undefined;
      throw error;
    });
  try {
    const ahead = files.slice(0, 2 * atOnce).map(read);
    for (const [position, file] of files.entries()) {
      const trace = await ahead.shift();
      const next = files[position + 2 * atOnce];
      if (next) ahead.push(read(next, position + 2 * atOnce));
      use(file, trace);
    }
  } finally {
    await Promise.all(decoders.map((decoder) => decoder.close()));
  }
}

/** How names tell the slide, the first that does so being taken. */
const slidePatterns = ["^(\\d+)[-_ ]", "^(.*\\d.*?)[-_ ]", "^(.*\\d.*)[-_ ][^-_ ]+$"] as const;

/**
 * Whether names look as if several images came from one slide, and how many held-out images then share one with a training image of the
 * same class. A pattern counts where it parts every class into several groups, and groups into several images.
 */
export function sharedSlideNames(
  train: readonly LabelledFile[],
  heldOut: readonly LabelledFile[],
): { readonly pattern: string; readonly count: number } | undefined {
  const all = [...train, ...heldOut];
  const classes = new Set(all.map(({ label }) => label)).size;
  for (const pattern of slidePatterns) {
    const slideOf = ({ name, label }: LabelledFile): string | undefined => {
      const found = new RegExp(pattern, "u").exec(path.posix.basename(name))?.[1];
      return found === undefined ? undefined : `${label} ${found}`;
    };
    const slides = all.map(slideOf);
    const distinct = new Set(slides);
    if (distinct.has(undefined) || distinct.size < 3 * classes || distinct.size > all.length / 1.5) continue;
    const known = new Set(train.map(slideOf));
    return { pattern, count: heldOut.filter((file) => known.has(slideOf(file))).length };
  }
  return undefined;
}

/** Of several parts, each held against what trained for it. */
export function summedLeakage(parts: readonly Leakage[]): Leakage {
  const sum = (of: (part: Leakage) => number): number => parts.reduce((total, part) => total + of(part), 0);
  const pattern = parts.find(({ slidePattern }) => slidePattern !== undefined)?.slidePattern;
  return {
    checked: sum(({ checked }) => checked),
    duplicates: sum(({ duplicates }) => duplicates),
    overlaps: sum(({ overlaps }) => overlaps),
    ...(pattern !== undefined && { sameSlide: sum(({ sameSlide = 0 }) => sameSlide), slidePattern: pattern }),
    examples: parts.flatMap(({ examples = [] }) => examples).slice(0, 10),
  };
}

/** The finding in a sentence or two, for pages and the terminal; undefined where nothing was found. */
export function leakageText({
  checked,
  duplicates,
  overlaps,
  sameSlide = 0,
  slidePattern,
}: Leakage): string | undefined {
  const parts = [
    duplicates > 0 && `${duplicates} are near-duplicates of training images`,
    overlaps > 0 && `${overlaps} overlap training images`,
    sameSlide > 0 &&
      `${sameSlide} are, by their names, of slides that were trained with (--groups '${slidePattern}' parts by them)`,
  ].filter((part) => typeof part === "string");
  if (parts.length === 0) return undefined;
  return `Of ${checked} images it is judged by, ${parts.join(", ")}: its figures are better than they would be on other slides.`;
}
