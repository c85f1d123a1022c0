import { type Command, Option } from "commander";
import { networkNames } from "../networks/catalogue";
import type { SipakmedVariant } from "../training/data-set";
import { optimizerNames } from "../training/choose-optimizer";
import type { TrainingJob } from "../training/training-request";
import { scheduleNames } from "../training/schedule";
import { parseTrainingSettings, type TrainingSettings } from "../training/training-settings";
import { splitNames, type SplitName } from "../training/data-split";
import { list, number, wholeNumber } from "./arguments";

export const groupsText = "images that belong together: cells.csv:field, folder:1, or a pattern as ^(\\d+)-";
export const foldColumnText = "a table's column with each image's fold, as cells.csv:fold";

export interface TrainFlags {
  out: string;
  network: string;
  name?: string;
  split: SplitName;
  variant: SipakmedVariant;
  size: number;
  epochs: number;
  batch: number;
  lr: number;
  optimizer: TrainingSettings["optimizer"];
  momentum: number;
  weightDecay: number;
  schedule: TrainingSettings["schedule"];
  warmup: number;
  labelSmoothing: number;
  classWeights: TrainingSettings["classWeights"];
  rotation: number;
  flips?: boolean;
  stainJitter: number;
  zoom: number;
  fill: number;
  dropout?: number;
  averaging: number;
  weights?: string;
  headLr?: number;
  dropPath?: number;
  mixup?: number;
  sampling: "natural" | "balanced";
  maxPerClass?: number;
  keep: "best" | "last";
  groups?: string;
  foldColumn?: string;
  trainFolds?: string[];
  validationFolds?: string[];
  folds?: number;
  leakCheck: boolean;
  resume?: boolean;
  newHead?: boolean;
  freeze: string[];
  patience: number;
  seed: number;
  threads?: number;
  skipUnreadable?: boolean;
  calibrate?: boolean;
  maskModel?: string;
  json?: boolean;
  onBatch?: boolean;
  bucket?: string;
}

/** What `cytolens train` takes. */
export function addTrainOptions(command: Command): Command {
  return command
    .argument("<data>", "class folders, SIPaKMeD as it is distributed, or what `cytolens phantom` wrote")
    .requiredOption("-o, --out <folder>", "model folder to write; an interrupted run in it is continued")
    .addOption(new Option("--network <name>", "architecture").choices([...networkNames]).default("densenet121-rca"))
    .option("--name <name>", "the model's name on its card")
    .addOption(new Option("--split <name>", "how images are parted").choices([...splitNames]).default("study"))
    .addOption(
      new Option("--variant <name>", "SIPaKMeD's image set").choices(["full", "cropped", "masked"]).default("full"),
    )
    .option("--size <pixels>", "height and width of the network's input", wholeNumber(), 224)
    .option("--epochs <number>", "passes over the training images", wholeNumber(), 50)
    .option("--batch <number>", "images a step", wholeNumber(), 16)
    .option("--lr <rate>", "learning rate", number(), 1e-3)
    .option("--head-lr <rate>", "learning rate of the head (default: that of the rest)", number())
    .addOption(new Option("--optimizer <name>", "update rule").choices([...optimizerNames]).default("adam"))
    .option("--momentum <share>", "of sgd", number(), 0.9)
    .option("--weight-decay <rate>", "decay of the weights (not of biases and normalisation)", number(), 0)
    .addOption(
      new Option("--schedule <name>", "course of the learning rate").choices([...scheduleNames]).default("cosine"),
    )
    .option("--warmup <epochs>", "epochs in which the rate rises", number(), 0)
    .option("--label-smoothing <share>", "share of the target spread over all classes", number(), 0)
    .addOption(
      new Option("--class-weights <how>", "weights of the classes in the loss")
        .choices(["none", "balanced"])
        .default("none"),
    )
    .option("--rotation <degrees>", "largest random rotation", number(), 25)
    .option("--flips", "random flips")
    .option("--stain-jitter <share>", "random change of the stain's strength", number(), 0)
    .option("--zoom <share>", "random change of size", number(), 0)
    .option("--fill <grey>", "grey level outside a rotated image", wholeNumber(), 255)
    .option("--dropout <ratio>", "features dropped before the head (default: the network's own)", number())
    .option("--drop-path <ratio>", "residual branches left out, at the deepest (networks that have such)", number())
    .option("--mixup <alpha>", "mix images of a batch, by shares from Beta(alpha, alpha)", number())
    .addOption(
      new Option("--sampling <how>", "how often classes are drawn; their shares are put back into the head's bias")
        .choices(["natural", "balanced"])
        .default("natural"),
    )
    .option(
      "--max-per-class <images>",
      "at most so many of a class in an epoch, others in each",
      wholeNumber({ from: 1 }),
    )
    .addOption(
      new Option("--keep <epoch>", "which epoch's weights are kept: the best on validation, or the last")
        .choices(["best", "last"])
        .default("best"),
    )
    .option("--averaging <decay>", "exponential average of the weights", number(), 0)
    .option("--groups <rule>", groupsText)
    .option("--fold-column <column>", foldColumnText)
    .option("--train-folds <folds>", "of the column, those that train (default: the rest)", list)
    .option("--validation-folds <folds>", "of the column, those that validate", list)
    .option(
      "--folds <number>",
      "train so many models, each without one fold, and judge every image out of fold",
      wholeNumber({ from: 2 }),
    )
    .option("--no-leak-check", "do not look for validation images that the training images know")
    .option(
      "--weights <from>",
      "begin from imagenet, none, a checkpoint (.safetensors, .pth) or a model folder (default: imagenet where a network comes with it)",
    )
    .option("--new-head", "draw a new head even if the classes are as many")
    .option("--freeze <prefixes...>", "parameters to leave as they are", [])
    .option("--resume", "prolong the run in --out to more --epochs; the rate follows the longer schedule from there")
    .option("--patience <epochs>", "stop after so many epochs without a better validation", wholeNumber(), 0)
    .option("--calibrate", "divide the logits by the temperature that suits the validation images best")
    .option("--seed <number>", "of weights, order, augmentation and dropout", wholeNumber(), 1)
    .option("--threads <number>", "of the computation (default: all cores)", wholeNumber({ from: 1 }))
    .option("--mask-model <folder>", "mask images with this U-Net (a model folder) in place of Otsu's threshold")
    .option("--skip-unreadable", "leave unreadable images out")
    .option("--json", "print a JSON summary")
    .option("--on-batch", "train on the stack's AWS Batch; --out names the training in the bucket")
    .option("--bucket <bucket>", "the stack's bucket, with --on-batch");
}

/** The settings that the flags ask for; what is not asked for is absent, so that the run is the one it was before there was such a flag. */
export function settingsOf(flags: TrainFlags): TrainingSettings {
  const {
    size,
    epochs,
    batch,
    optimizer,
    momentum,
    weightDecay,
    schedule,
    labelSmoothing,
    classWeights,
    averaging,
    freeze,
    patience,
    seed,
  } = flags;
  return parseTrainingSettings({
    size,
    epochs,
    batch,
    rate: flags.lr,
    optimizer,
    momentum,
    weightDecay,
    schedule,
    warmupEpochs: flags.warmup,
    labelSmoothing,
    classWeights,
    averaging,
    freeze,
    patience,
    seed,
    augmentation: {
      rotation: flags.rotation,
      flips: flags.flips ?? false,
      stainJitter: flags.stainJitter,
      zoom: flags.zoom,
      fill: flags.fill,
    },
    ...(flags.dropout === undefined ? {} : { dropout: flags.dropout }),
    ...(flags.dropPath === undefined ? {} : { dropPath: flags.dropPath }),
    ...(flags.headLr === undefined ? {} : { headRate: flags.headLr }),
    ...(flags.mixup === undefined ? {} : { mixup: flags.mixup }),
    ...(flags.maxPerClass === undefined ? {} : { maxPerClass: flags.maxPerClass }),
    ...(flags.sampling === "balanced" ? { sampling: flags.sampling } : {}),
    ...(flags.keep === "last" ? { keep: flags.keep } : {}),
  });
}

export function partFoldsOf({ trainFolds, validationFolds }: TrainFlags): TrainingJob["partFolds"] {
  return { ...(trainFolds && { train: trainFolds }), ...(validationFolds && { validation: validationFolds }) };
}
