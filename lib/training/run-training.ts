import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { canonicalJson, sha256Of } from "../contract/digests";
import type { ModelCard } from "../contract/model-card";
import { UserError } from "../contract/errors";
import type { Normalisation } from "../contract/normalisation";
import { networkNamed } from "../networks/catalogue";
import { cardInputOf } from "../networks/card-input";
import { modelFileName, weightsFileName, writeModelFolder } from "../networks/model-folder";
import type { NetworkDefinition } from "../networks/network";
import { writeSafetensors } from "../networks/safetensors";
import type { Tensor } from "../onnx/model";
import { writeModel } from "../onnx/write-model";
import { writeWhole, type EpochRecord } from "./checkpoint";
import { digestOf, readDataSet, type DataSet, type LabelledFile, type SipakmedVariant } from "./data-set";
import { openImageSource } from "./image-source";
import { initialWeights, weightsFile } from "./initial-weights";
import type { UnreadableImage } from "./prepared-samples";
import { maskClasses, openMaskSource } from "./mask-source";
import { NetworkRunner, scoreAll } from "./network-runner";
import type { SampleSource } from "./sample-source";
import { summarise } from "./scores";
import type { TrainingSettings } from "./training-settings";
import { splitOf, type Split, type SplitName } from "./data-split";
import { atTemperature, temperatureOf } from "./temperature";
import { train } from "./train";
import type { TrainingRun } from "./training-run";
import { trainingPage } from "./training-page";

export interface TrainingJob {
  readonly data: string;
  readonly variant?: SipakmedVariant | undefined;
  readonly network: string;
  readonly split: SplitName;
  readonly settings: TrainingSettings;
  /** Folder for the model, the checkpoint and training.html. */
  readonly out: string;
  /** The model's name on its card; by default the network's. */
  readonly name?: string | undefined;
  /** What to begin from: "none", "imagenet", a .safetensors file or a model folder; see `initialWeights`. */
  readonly weights?: string | undefined;
  readonly newHead?: boolean | undefined;
  readonly skipUnreadable?: boolean | undefined;
  /** Model folder of a U-Net whose mask takes the place of Otsu's. */
  readonly maskModel?: string | undefined;
  /** Divides the logits by the temperature that suits the validation images best. */
  readonly calibrate?: boolean | undefined;
  readonly threads?: number | undefined;
  /** The command line, for the card. */
  readonly command?: string | undefined;
  readonly description?: string | undefined;
  readonly onStep?: TrainingRun["onStep"];
  readonly onEpoch?: ((record: EpochRecord) => void) | undefined;
  readonly onImages?: ((done: number, total: number) => void) | undefined;
}

export interface TrainedModel {
  readonly folder: string;
  readonly card: ModelCard;
  readonly history: readonly EpochRecord[];
  readonly bestEpoch: number;
  readonly resumedAfterEpoch: number;
  readonly trainingImages: number;
  readonly validationImages: number;
  readonly unreadable: readonly UnreadableImage[];
}

/**
 * Trains a network on a folder of images and writes a model folder: model.onnx, weights.safetensors, card.json, training.html.
 * An interrupted job, started again with the same settings, goes on from its last whole epoch.
 */
export async function runTraining(job: TrainingJob): Promise<TrainedModel> {
  const { settings } = job;
  const dataSet = await readDataSet(job.data, job.variant);
  const digest = await digestOf(dataSet);
  const segments = job.network.startsWith("unet");
  const classes = segments ? maskClasses : dataSet.classes;
  const network = networkNamed(job.network, { classes: classes.length, size: settings.size });
  const weights = await initialWeights(network, { ...job, seed: settings.seed });
  const begunFrom = await weightsFile(network.name, job.weights);
  const split = splitOf(dataSet, job.split);
  await mkdir(job.out, { recursive: true });
  const { samples, validation, files, unreadable } = await (segments ? maskSources : imageSources)(
    job,
    dataSet,
    split,
    network.normalisation,
  );
  try {
    refuseEmptyClasses(dataSet.classes, files);
    const page = path.join(job.out, "training.html");
    const title = `${network.name} on ${path.basename(path.resolve(job.data))}`;
    const result = await train({
      network,
      classes,
      dice: segments,
      weights,
      train: samples,
      validation,
      settings,
      threads: job.threads,
      onStep: job.onStep,
      classWeights:
        settings.classWeights === "balanced" && !segments ? balancedWeights(classes.length, files) : undefined,
      fingerprint: sha256Of(
        canonicalJson([
          settings,
          digest,
          job.split,
          job.variant ?? "full",
          job.maskModel ? sha256Of(await readFile(path.join(job.maskModel, modelFileName))) : "",
          begunFrom === undefined ? "" : sha256Of(await readFile(begunFrom)),
        ]),
      ),
      checkpointFile: path.join(job.out, "checkpoint.safetensors"),
      onEpoch: async (history) => {
        await writeWhole(page, trainingPage(title, history, settings.epochs, true));
        const last = history.at(-1);
        if (last) job.onEpoch?.(last);
      },
    });
    await writeWhole(page, trainingPage(title, result.history, settings.epochs, false));
    const best = result.history[result.bestEpoch - 1];
    const {
      weights: finished,
      loss,
      temperature,
    } = job.calibrate
      ? await calibrated(network, result.weights, validation, job)
      : { weights: result.weights, loss: best?.validationLoss, temperature: undefined };
    const card = await writeModelFolder(job.out, writeModel(network.build(finished)), {
      name: job.name ?? network.name,
      title,
      network: network.name,
      classes: [...classes],
      featureLayer: network.featureLayer,
      output: "logits",
      input: { name: "input", height: settings.size, width: settings.size, ...cardInputOf(network) },
      data: {
        description:
          job.description ??
          `${samples.count} training and ${validation.count} validation images of ${dataSet.classes.length} classes${segments ? ", with a mask of the cells in each," : ""} from ${path.basename(path.resolve(job.data))}`,
        digest,
        split: job.split,
      },
      training: {
        recipe: recipeText(job, begunFrom, samples, result.bestEpoch, temperature),
        seed: settings.seed,
        ...(job.command === undefined ? {} : { command: job.command }),
      },
      metrics: {
        validationAccuracy: best?.validationAccuracy ?? 0,
        validationLoss: loss ?? 0,
        validationImages: validation.count,
      },
      evaluatedOn: `the validation part of the split, by which the epoch ${temperature === undefined ? "was" : "and the temperature were"} chosen${segments ? "; accuracy is the share of pixels" : ""}`,
      limits: ["Measured only on data of the kind it was trained on."],
    });
    await writeFile(path.join(job.out, weightsFileName), writeSafetensors(finished));
    return {
      folder: job.out,
      card,
      history: result.history,
      bestEpoch: result.bestEpoch,
      resumedAfterEpoch: result.resumedAfterEpoch,
      trainingImages: samples.count,
      validationImages: validation.count,
      unreadable,
    };
  } finally {
    await samples.close();
    await validation.close();
  }
}

async function calibrated(
  network: NetworkDefinition,
  weights: ReadonlyMap<string, Tensor>,
  validation: SampleSource,
  { settings, threads }: TrainingJob,
) {
  const runner = await NetworkRunner.open(network, weights, settings.size, threads);
  try {
    const scores = await scoreAll(runner, Object.fromEntries(weights), validation);
    const temperature = temperatureOf(scores);
    const { loss } = summarise({ ...scores, logits: scores.logits.map((logit) => logit / temperature) });
    return { weights: atTemperature(network, weights, temperature), loss, temperature };
  } finally {
    await runner.close();
  }
}

interface Sources {
  readonly samples: SampleSource;
  readonly validation: SampleSource;
  /** Of the training samples that can be read. */
  readonly files: readonly LabelledFile[];
  readonly unreadable: readonly UnreadableImage[];
}

async function imageSources(
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

async function maskSources(
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

function refuseEmptyClasses(classes: readonly string[], files: readonly LabelledFile[]): void {
  const empty = classes.filter((_, label) => !files.some((file) => file.label === label));
  if (empty.length > 0)
    throw new UserError(
      "data.empty-class",
      `Expected training images of every class but the split leaves none of ${empty.join(", ")}`,
    );
}

/** n / (classes · n_c): the mean weight of a sample is 1. */
function balancedWeights(classes: number, files: readonly LabelledFile[]): number[] {
  return Array.from(
    { length: classes },
    (_, label) => files.length / (classes * files.filter((file) => file.label === label).length),
  );
}

function recipeText(
  { settings }: TrainingJob,
  begunFrom: string | undefined,
  samples: SampleSource,
  bestEpoch: number,
  temperature: number | undefined,
): string {
  const {
    optimizer,
    rate,
    schedule,
    epochs,
    batch,
    size,
    augmentation,
    labelSmoothing,
    averaging,
    classWeights,
    freeze,
  } = settings;
  const parts = [
    `${samples.count} images, ${epochs} epochs of batches of ${batch} at ${size} × ${size} pixels, the best on validation (epoch ${bestEpoch}) kept`,
    `${optimizer} with learning rate ${rate} (${schedule})`,
    `rotation ±${augmentation.rotation}°${augmentation.flips ? ", flips" : ""}${augmentation.stainJitter > 0 ? `, stain jitter ${augmentation.stainJitter}` : ""}${augmentation.zoom > 0 ? `, zoom ${augmentation.zoom}` : ""}`,
    labelSmoothing > 0 && `label smoothing ${labelSmoothing}`,
    averaging > 0 && `weights averaged with decay ${averaging}`,
    classWeights === "balanced" && "balanced class weights",
    begunFrom !== undefined && `begun from ${nameOfWeights(begunFrom)}`,
    freeze.length > 0 && `frozen: ${freeze.join(", ")}`,
    temperature !== undefined &&
      `logits divided by the temperature ${temperature.toFixed(3)}, fitted on the validation images`,
  ];
  return parts.filter((part) => typeof part === "string").join("; ");
}

/** A model's folder tells more than the file in it. */
function nameOfWeights(file: string): string {
  return path.basename(file) === weightsFileName
    ? path.basename(path.dirname(path.resolve(file)))
    : path.basename(file);
}
