import { readFile } from "node:fs/promises";
import type { ImageDims } from "../attribution/attribution";
import { imageNetNormalisation, type Normalisation } from "../contract/normalisation";
import { UserError } from "../contract/errors";
import { prepare, type PreparedImage } from "../imaging/preparing/prepare";
import type { Classifier } from "../inference/classifier";

/**
 * An image as a classifier takes it, the picture it was made from, and what its file was: what `imageFor` returns.
 *
 * @example
 * ```ts
 * import type { ClassifierImage } from "cytolens";
 *
 * const facts = ({ image, dims }: ClassifierImage): string => `${image.width} × ${image.height} ${image.format} as ${dims}`;
 * ```
 */
export interface ClassifierImage extends PreparedImage {
  /** [channels, height, width] of `tensor`. */
  readonly dims: ImageDims;
  /** How `tensor` came from grey levels: what baselines are made with. */
  readonly normalisation: Normalisation;
}

/**
 * An image file as a classifier's input: resized to its shorter side, centre-cropped and normalised as the model's card says
 * (ImageNet's mean and deviation where there is no card). Decoded in this process: for files of unknown origin use `Decoder`,
 * which does it in one of its own. Framing: as torchvision's Resize and CenterCrop.
 *
 * @param source a path, or the bytes of a JPEG, PNG, TIFF, WebP or BMP file
 * @param options `mask`: "otsu" blacks out the background before the network sees it. Default: "none"
 * @returns `tensor` [channels, height, width] float32 with its `dims` and `normalisation`; `seen`, the network's part of the
 * picture as 8-bit RGB; `image`, facts of the file
 * @throws ImageError for a file that is not a usable image; UserError "file.unreadable"
 * @example
 * ```ts
 * import { imageFor, loadModel } from "cytolens";
 *
 * const model = await loadModel("model.onnx");
 * const { tensor, dims, seen } = await imageFor(model, "cell.png", { mask: "otsu" });
 * console.log(dims, tensor.length === dims[0] * seen.height * seen.width);
 * await model.close();
 * ```
 */
export async function imageFor(
  classifier: Pick<Classifier, "card" | "input"> & Partial<Pick<Classifier, "normalisation">>,
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
  const { scale, mean, std } = classifier.normalisation ?? classifier.card?.input ?? imageNetNormalisation;
  const normalisation = { scale, mean, std };
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
