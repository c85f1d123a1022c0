import path from "node:path";
import type { ModelCardInput } from "../contract/model-card";
import { cardInputOf } from "../networks/card-input";
import { weightsFileName } from "../networks/model-folder";
import type { NetworkDefinition } from "../networks/network";
import type { ChosenSplit } from "./choose-split";
import type { DataSet } from "./data-set";
import { drawsByClass } from "./epoch-draws";
import { leakageText, type Leakage } from "./leakage";
import type { TrainingJob } from "./training-request";
import type { TrainingResult } from "./train";

/** What a training found out, for its card. */
export interface TrainingOutcome {
  readonly network: NetworkDefinition;
  readonly classes: readonly string[];
  readonly dataSet: DataSet;
  readonly digest: string;
  readonly split: ChosenSplit;
  readonly leakage: Leakage | undefined;
  readonly segments: boolean;
  readonly trainingImages: number;
  readonly validationImages: number;
  /** The file with the weights that training began from. */
  readonly begunFrom: string | undefined;
  readonly result: TrainingResult;
  readonly validationLoss: number | undefined;
  readonly temperature: number | undefined;
}

/** The card of a trained model, all but what its folder adds. */
export function trainingCard(
  job: TrainingJob,
  title: string,
  outcome: TrainingOutcome,
): Omit<ModelCardInput, "schemaVersion" | "sha256"> {
  const { network, classes, dataSet, split, leakage, segments, result, temperature } = outcome;
  const { settings } = job;
  const kept = result.history[result.bestEpoch - 1];
  const chosen = [settings.keep !== "last" && "the epoch", temperature !== undefined && "the temperature"].filter(
    (what) => typeof what === "string",
  );
  const verb = chosen.length > 1 ? "were" : "was";
  const known = leakage && leakageText(leakage);
  return {
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
        `${outcome.trainingImages} training and ${outcome.validationImages} validation images of ${dataSet.classes.length} classes${segments ? ", with a mask of the cells in each," : ""} from ${path.basename(path.resolve(job.data))}`,
      digest: outcome.digest,
      split: split.description,
      ...(split.grouping && { groups: { by: split.grouping.by, count: split.grouping.count } }),
      ...(leakage && { leakage }),
    },
    training: {
      recipe: recipeText(job, outcome),
      seed: settings.seed,
      ...(job.command === undefined ? {} : { command: job.command }),
    },
    metrics: {
      validationAccuracy: kept?.validationAccuracy ?? 0,
      validationLoss: outcome.validationLoss ?? 0,
      validationImages: outcome.validationImages,
    },
    evaluatedOn: `the validation part of the split, by which ${chosen.length === 0 ? "nothing was chosen" : `${chosen.join(" and ")} ${verb} chosen`}${segments ? "; accuracy is the share of pixels" : ""}`,
    limits: ["Measured only on data of the kind it was trained on.", ...(known === undefined ? [] : [known])],
  };
}

function recipeText({ settings }: TrainingJob, outcome: TrainingOutcome): string {
  const { result, begunFrom, temperature } = outcome;
  const { optimizer, rate, headRate, schedule, epochs, batch, size, augmentation, labelSmoothing } = settings;
  const { averaging, classWeights, freeze, dropPath, mixup, sampling, maxPerClass, keep, weightDecay } = settings;
  const parts = [
    `${outcome.trainingImages} images, ${epochs} epochs of batches of ${batch} at ${size} × ${size} pixels, ${keep === "last" ? "the last kept" : `the best on validation (epoch ${result.bestEpoch}) kept`}`,
    result.earlierPlans.length > 0 && `first planned for ${result.earlierPlans.join(", then ")} epochs and prolonged`,
    `${optimizer} with learning rate ${rate}${headRate === undefined ? "" : `, ${headRate} for the head`} (${schedule})`,
    weightDecay > 0 && `weight decay ${weightDecay}`,
    `rotation ±${augmentation.rotation}°${augmentation.flips ? ", flips" : ""}${augmentation.stainJitter > 0 ? `, stain jitter ${augmentation.stainJitter}` : ""}${augmentation.zoom > 0 ? `, zoom ${augmentation.zoom}` : ""}`,
    labelSmoothing > 0 && `label smoothing ${labelSmoothing}`,
    mixup !== undefined && `mixup ${mixup}`,
    dropPath !== undefined && `drop path up to ${dropPath}`,
    averaging > 0 && `weights averaged with decay ${averaging}`,
    classWeights === "balanced" && "balanced class weights",
    sampling === "balanced" && "classes drawn equally often",
    maxPerClass !== undefined && `at most ${maxPerClass} images of a class an epoch`,
    drawsByClass(settings) && "the classes' shares of the training images put back into the head's bias",
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
