import path from "node:path";
import { SingleBar } from "cli-progress";
import { type Command, Option } from "commander";
import type { FileToUpload } from "../bucket/upload-files";
import { trainingName } from "../contract/deployment";
import { UserError } from "../contract/errors";
import { trainingRunPrefix } from "../contract/object-keys";
import { filesBelow } from "../local/fill-batch";
import { percent } from "../html/figures";
import { networkNames } from "../networks/catalogue";
import type { SipakmedVariant } from "../training/data-set";
import { optimizerNames } from "../training/choose-optimizer";
import { runTraining } from "../training/run-training";
import { scheduleNames } from "../training/schedule";
import { parseTrainingSettings, type TrainingSettings } from "../training/training-settings";
import { splitNames, type SplitName } from "../training/data-split";
import { number, wholeNumber } from "./arguments";
import { givenFlags } from "./given-flags";
import { Progress } from "./progress";

interface TrainFlags {
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

/** Of this machine only: a job is not told them. */
const localFlags: ReadonlySet<string> = new Set(["out", "onBatch", "bucket", "json", "threads"]);
const uploadsAtOnce = 8;

/** `cytolens train`: a model folder from a folder of images. */
export function defineTrain(command: Command): void {
  command
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
    .option("--averaging <decay>", "exponential average of the weights", number(), 0)
    .option("--weights <file>", "begin from a .safetensors file")
    .option("--new-head", "draw a new head even if the classes are as many")
    .option("--freeze <prefixes...>", "parameters to leave as they are", [])
    .option("--patience <epochs>", "stop after so many epochs without a better validation", wholeNumber(), 0)
    .option("--calibrate", "divide the logits by the temperature that suits the validation images best")
    .option("--seed <number>", "of weights, order, augmentation and dropout", wholeNumber(), 1)
    .option("--threads <number>", "of the computation (default: all cores)", wholeNumber({ from: 1 }))
    .option("--mask-model <folder>", "mask images with this U-Net (a model folder) in place of Otsu's threshold")
    .option("--skip-unreadable", "leave unreadable images out")
    .option("--json", "print a JSON summary")
    .option("--on-batch", "train on the stack's AWS Batch; --out names the training in the bucket")
    .option("--bucket <bucket>", "the stack's bucket, with --on-batch")
    .action(async (data: string, flags: TrainFlags, command: Command) => {
      if (flags.onBatch) return trainInCloud(data, flags, givenFlags(command, localFlags));
      const bar =
        process.stderr.isTTY && !flags.json
          ? new SingleBar({
              format: "epoch {epoch} [{bar}] {value}/{total}  loss {loss}  validation {validation}",
              clearOnComplete: true,
            })
          : undefined;
      let validation = "—";
      const trained = await runTraining({
        data,
        variant: flags.variant,
        network: flags.network,
        split: flags.split,
        settings: settingsOf(flags),
        out: flags.out,
        name: flags.name,
        weights: flags.weights,
        newHead: flags.newHead,
        skipUnreadable: flags.skipUnreadable,
        calibrate: flags.calibrate,
        maskModel: flags.maskModel,
        threads: flags.threads,
        command: commandLine(),
        onStep: ({ epoch, step, steps, loss }) => {
          if (step === 1) bar?.start(steps, 0, { epoch, loss: "", validation });
          bar?.update(step, { epoch, loss: loss.toFixed(4), validation });
        },
        onEpoch: ({ epoch, loss, validationAccuracy, seconds }) => {
          validation = percent(validationAccuracy);
          bar?.stop();
          if (!flags.json)
            console.log(
              `epoch ${epoch}/${flags.epochs}  loss ${loss.toFixed(4)}  validation ${validation}  ${seconds.toFixed(0)} s`,
            );
        },
      });
      for (const { name, reason } of trained.unreadable) console.error(`left out ${name}: ${reason}`);
      const best = trained.history[trained.bestEpoch - 1];
      console.log(
        flags.json
          ? JSON.stringify({
              folder: trained.folder,
              card: trained.card,
              bestEpoch: trained.bestEpoch,
              history: trained.history,
              unreadable: trained.unreadable,
            })
          : `Best validation accuracy ${percent(best?.validationAccuracy ?? 0, 2)} (epoch ${trained.bestEpoch}, ${trained.validationImages} images). Model: ${trained.folder}`,
      );
    });
}

function settingsOf(flags: TrainFlags): TrainingSettings {
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
  });
}

/** Uploads the data set and leaves the training to the stack's AWS Batch. */
async function trainInCloud(data: string, { bucket, out, json }: TrainFlags, flags: readonly string[]): Promise<void> {
  if (bucket === undefined)
    throw new UserError("train.no-bucket", "Expected --bucket, the stack's bucket, with --on-batch but received none");
  const name = trainingName.safeParse(path.basename(path.resolve(out)));
  if (!name.success)
    throw new UserError(
      "train.name",
      `--out names the training: ${name.error.issues[0]?.message ?? ""} but received ${JSON.stringify(path.basename(out))}`,
    );
  const [{ openBucket }, { trainOnBatch }] = await Promise.all([
    import("../aws/open-bucket.js"),
    import("../aws/train-on-batch.js"),
  ]);
  const { store } = await openBucket(bucket);
  const files: FileToUpload[] = [];
  for await (const inside of filesBelow(data))
    files.push({ from: path.join(data, inside), to: inside.split(path.sep).join("/") });
  const progress = new Progress(files.length, json === true);
  await progress.start();
  const order = { name: name.data, files, flags };
  const { jobId } = await trainOnBatch(store, order, {
    parallel: uploadsAtOnce,
    onProgress: () => progress.step("uploaded"),
  }).finally(() => progress.end());
  const where = `${store.description}/${trainingRunPrefix(name.data)}`;
  console.log(
    json
      ? JSON.stringify({ training: name.data, jobId, out: where }, null, 2)
      : `Training ${name.data} is job ${jobId}. Progress, checkpoint and at last the model: ${where}`,
  );
}

/** As typed, without the paths of this machine's interpreter. */
function commandLine(): string {
  return ["cytolens", ...process.argv.slice(2)].join(" ");
}
