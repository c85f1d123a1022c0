import type { Normalisation } from "../contract/normalisation";
import type { DataSet, LabelledFile } from "./data-set";
import type { Split } from "./data-split";
import { openImageSource } from "./image-source";
import { openMaskSource } from "./mask-source";
import type { UnreadableImage } from "./prepared-samples";
import type { TrainingJob } from "./training-request";
import type { SampleSource } from "./sample-source";

export interface Sources {
  readonly samples: SampleSource;
  readonly validation: SampleSource;
  /** Of the training samples that can be read. */
  readonly files: readonly LabelledFile[];
  readonly unreadable: readonly UnreadableImage[];
}

export async function imageSources(
  job: TrainingJob,
  dataSet: DataSet,
  split: Split,
  normalisation: Normalisation,
): Promise<Sources> {
  const { size, augmentation, seed } = job.settings;
  const common = {
    size,
    masked: dataSet.masked,
    maskModel: job.maskModel,
    skipUnreadable: job.skipUnreadable ?? false,
    augmentation,
    normalisation,
    seed,
  };
  const samples = await openImageSource({ ...common, files: split.train, onProgress: job.onImages });
  const validation = await openImageSource({ ...common, files: split.validation }).catch(async (error: unknown) => {
    await samples.close();
    throw error;
  });
  return { samples, validation, files: samples.files, unreadable: [...samples.unreadable, ...validation.unreadable] };
}

export async function maskSources(
  { settings: { size, augmentation, seed } }: TrainingJob,
  dataSet: DataSet,
  split: Split,
  normalisation: Normalisation,
): Promise<Sources> {
  const common = { dataSet, size, augmentation, normalisation, seed };
  return {
    samples: await openMaskSource({ ...common, files: split.train }),
    validation: await openMaskSource({ ...common, files: split.validation }),
    files: split.train,
    unreadable: [],
  };
}
