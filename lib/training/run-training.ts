import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { canonicalJson, sha256Of } from "../contract/digests";
import { UserError } from "../contract/errors";
import { networkNamed } from "../networks/catalogue";
import { modelFileName, weightsFileName, writeModelFolder } from "../networks/model-folder";
import type { NetworkDefinition } from "../networks/network";
import { writeSafetensors } from "../networks/safetensors";
import type { Tensor } from "../onnx/model";
import { writeModel } from "../onnx/write-model";
import { writeWhole } from "./checkpoint";
import { chooseSplit, type ChosenSplit } from "./choose-split";
import { digestOf, readDataSet, type LabelledFile } from "./data-set";
import { initialWeights, weightsFile } from "./initial-weights";
import { findLeakage } from "./leakage";
import { maskClasses } from "./mask-source";
import { NetworkRunner, scoreAll } from "./network-runner";
import type { SampleSource } from "./sample-source";
import { summarise } from "./scores";
import { atTemperature, temperatureOf } from "./temperature";
import { train } from "./train";
import { trainingCard } from "./training-card";
import type { TrainingIdentity } from "./training-identity";
import type { TrainedModel, TrainingJob } from "./training-request";
import { trainingPage } from "./training-page";
import { imageSources, maskSources } from "./training-sources";

/**
 * Trains a network on a folder of images and writes a model folder: model.onnx, weights.safetensors, card.json, training.html.
 * An interrupted job, started again with the same settings, goes on from its last whole epoch.
 */
export async function runTraining(job: TrainingJob): Promise<TrainedModel> {
  const { settings } = job;
  const dataSet = await readDataSet(job.data, job.variant);
  for (const note of dataSet.notes ?? []) job.onNote?.(note);
  const digest = await digestOf(dataSet);
  const segments = job.network.startsWith("unet");
  const classes = segments ? maskClasses : dataSet.classes;
  refuseClassSampling(job, segments);
  const network = networkNamed(job.network, { classes: classes.length, size: settings.size });
  const weights = await initialWeights(network, { ...job, seed: settings.seed });
  const begunFrom = await weightsFile(network.name, job.weights);
  const split = await chooseSplit(dataSet, job);
  const leakage = segments || job.leakCheck === false ? undefined : await findLeakage(split.train, split.validation);
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
    const identity = await identityOf(job, digest, split, begunFrom);
    const result = await train({
      network,
      classes,
      dice: segments,
      weights,
      train: samples,
      validation,
      labels: segments ? undefined : files.map(({ label }) => label),
      settings,
      threads: job.threads,
      onStep: job.onStep,
      classWeights:
        settings.classWeights === "balanced" && !segments ? balancedWeights(classes.length, files) : undefined,
      fingerprint: fingerprintOf(identity),
      identity,
      prolong: job.prolong,
      checkpointFile: path.join(job.out, "checkpoint.safetensors"),
      onEpoch: async (history) => {
        await writeWhole(page, trainingPage(title, history, settings.epochs, true, leakage));
        const last = history.at(-1);
        if (last) job.onEpoch?.(last);
      },
    });
    await writeWhole(page, trainingPage(title, result.history, settings.epochs, false, leakage));
    const {
      weights: finished,
      loss: validationLoss,
      temperature,
    } = job.calibrate
      ? await calibrated(network, result.weights, validation, job)
      : {
          weights: result.weights,
          loss: result.history[result.bestEpoch - 1]?.validationLoss,
          temperature: undefined,
        };
    const card = await writeModelFolder(
      job.out,
      writeModel(network.build(finished)),
      trainingCard(job, title, {
        network,
        classes,
        dataSet,
        digest,
        split,
        leakage,
        segments,
        begunFrom,
        result,
        validationLoss,
        temperature,
        trainingImages: samples.count,
        validationImages: validation.count,
      }),
    );
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
      leakage,
    };
  } finally {
    await samples.close();
    await validation.close();
  }
}

/** What makes the run the run it is. */
async function identityOf(
  job: TrainingJob,
  data: string,
  { train: trained, validation, description, grouping }: ChosenSplit,
  begunFrom: string | undefined,
): Promise<TrainingIdentity> {
  const parts = [trained, validation].map((files) => files.map(({ name }) => name).join("\n"));
  const isPlain = grouping === undefined && job.foldColumn === undefined && job.heldOut === undefined;
  return {
    settings: job.settings,
    data,
    split: job.split,
    variant: job.variant ?? "full",
    maskModel: job.maskModel ? sha256Of(await readFile(path.join(job.maskModel, modelFileName))) : "",
    weights: begunFrom === undefined ? "" : sha256Of(await readFile(begunFrom)),
    ...(isPlain ? {} : { groups: grouping?.by ?? "none", parts: description, images: sha256Of(parts.join("\n\n")) }),
  };
}

/** Checkpoints of earlier versions hold the digest of the first six values in this order. */
function fingerprintOf({ settings, data, split, variant, maskModel, weights, ...rest }: TrainingIdentity): string {
  const values = [settings, data, split, variant, maskModel, weights];
  return sha256Of(canonicalJson(Object.keys(rest).length === 0 ? values : [...values, rest]));
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

/** Pixels have classes of their own: images cannot be drawn or mixed by them. */
function refuseClassSampling({ settings }: TrainingJob, segments: boolean): void {
  const asked = [
    settings.sampling !== undefined && "sampling",
    settings.maxPerClass !== undefined && "maxPerClass",
    settings.mixup !== undefined && "mixup",
  ].filter((name) => typeof name === "string");
  if (segments && asked.length > 0)
    throw new UserError("training.settings", `Expected a classifier for ${asked.join(" and ")} but received a U-Net`);
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
