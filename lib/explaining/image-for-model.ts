import { readFile } from "node:fs/promises";
import type { ImageDims } from "../attribution/attribution";
import { imageNetNormalisation, type Normalisation } from "../contract/normalisation";
import { UserError } from "../contract/errors";
import { prepare, type PreparedImage } from "../imaging/preparing/prepare";
import type { Classifier } from "../inference/classifier";

export interface ClassifierImage extends PreparedImage {
  /** [channels, height, width] of `tensor`. */
  readonly dims: ImageDims;
  /** How `tensor` came from grey levels: what baselines are made with. */
  readonly normalisation: Normalisation;
}

/**
 * An image file as a classifier's input: resized to its shorter side, centre-cropped and normalised as the model's card says
 * (ImageNet's mean and deviation where there is no card). Decoded in this process: for files of unknown origin use `Decoder`,
 * which does it in one of its own.
 * @throws ImageError for a file that is not a usable image; UserError when it cannot be read
 */
export async function imageFor(
  classifier: Pick<Classifier, "card" | "input">,
  source: string | Uint8Array,
  { mask = "none" }: { mask?: "none" | "otsu" } = {},
): Promise<ClassifierImage> {
  const bytes = typeof source === "string" ? await read(source) : source;
  const { channels, height, width } = classifier.input;
  const input = {
    channels: channels === 1 ? ("grey" as const) : ("RGB" as const),
    ...classifier.card?.input,
    height,
    width,
    layout: "NCHW" as const,
  };
  const normalisation = {
    ...imageNetNormalisation,
    ...(classifier.card ? { scale: input.scale ?? 1 / 255, mean: input.mean ?? [], std: input.std ?? [] } : {}),
  };
  return {
    ...(await prepare(bytes, { input: { ...input, ...normalisation }, mask })),
    dims: [channels, height, width],
    normalisation,
  };
}

async function read(file: string): Promise<Uint8Array> {
  return await readFile(file).catch((cause: NodeJS.ErrnoException) => {
    throw new UserError(
      "file.unreadable",
      `Expected an image at ${file} but it cannot be read (${cause.code ?? cause.message})`,
      { cause },
    );
  });
}
