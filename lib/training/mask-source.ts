import path from "node:path";
import type { Normalisation } from "../contract/normalisation";
import { UserError } from "../contract/errors";
import { Decoder } from "../imaging/preparing/decoder";
import { resizeBilinear } from "../imaging/preparing/resample";
import { drawView, plainView, renderLabels, renderView, type AugmentationOptions } from "./augment";
import type { DataSet, LabelledFile } from "./data-set";
import type { PreparedImage } from "./prepared-samples";
import type { SampleSource } from "./sample-source";

export interface MaskSourceOptions {
  readonly dataSet: DataSet;
  readonly files: readonly LabelledFile[];
  readonly size: number;
  readonly augmentation: AugmentationOptions;
  readonly normalisation: Normalisation;
  readonly seed: number;
}

/** Names of the two classes of a pixel. */
export const maskClasses = ["background", "cell"] as const;

interface MaskedImage extends PreparedImage {
  readonly labels: Uint8Array;
}

/**
 * Phantoms with a label a pixel (1 on cells), read from the truth that `cytolens phantom` wrote beside the images; all kept in memory.
 * @throws UserError "data.no-masks" for data without it
 */
export async function openMaskSource({
  dataSet,
  files,
  size,
  augmentation,
  normalisation,
  seed,
}: MaskSourceOptions): Promise<SampleSource> {
  if (dataSet.layout !== "phantoms") {
    throw new UserError(
      "data.no-masks",
      `Expected a folder that "cytolens phantom" wrote, with images/ and truth/, to learn masks from but ${dataSet.folder} has none`,
    );
  }
  const decoder = new Decoder();
  const images: MaskedImage[] = [];
  try {
    for (const file of files) images.push(await read(decoder, dataSet, file, size));
  } finally {
    await decoder.close();
  }
  return {
    count: images.length,
    labelsPerSample: size * size,
    close: async () => {},
    batch: async (requests) => {
      const input = new Float32Array(requests.length * 3 * size * size),
        labels = new BigInt64Array(requests.length * size * size);
      requests.forEach(({ sample, epoch, repeat }, position) => {
        const image = images[sample];
        if (!image) throw new RangeError(`Expected a sample below ${images.length} but received ${sample}`);
        const view = epoch === undefined ? plainView : drawView(augmentation, seed, epoch, sample, repeat);
        renderView(image, view, normalisation, size, input, position * 3 * size * size);
        renderLabels(image.labels, image, view, size, labels, position * size * size);
      });
      return { input, labels, count: requests.length };
    },
  };
}

async function read(decoder: Decoder, dataSet: DataSet, file: LabelledFile, size: number): Promise<MaskedImage> {
  const image = await decoder.decode(file.file);
  const truth = path.join(
    dataSet.folder,
    "..",
    "truth",
    path.dirname(file.name),
    `${path.basename(file.name, path.extname(file.name))}.cells.png`,
  );
  const cells = await decoder.decode(truth);
  const mask = resizeBilinear({ ...cells, data: cells.data.map((label) => (label > 0 ? 255 : 0)) }, size, size);
  const labels = Uint8Array.from({ length: size * size }, (_, pixel) =>
    (mask.data[3 * pixel] as number) > 127 ? 1 : 0,
  );
  return { ...resizeBilinear(image, size, size), left: 0, top: 0, labels };
}
