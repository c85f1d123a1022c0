import { ImageError, UserError } from "../contract/errors";
import type { ModelCard } from "../contract/model-card";
import { Decoder } from "../imaging/preparing/decoder";
import { cropToFrame, frame, normalise, type NetworkInput } from "../imaging/preparing/preprocess";
import type { Classifier } from "../inference/classifier";
import { loadModel, type LoadModelOptions } from "../inference/load-model";
import { CellMasker } from "../training/cell-masker";
import { readDataSet, type DataSet, type LabelledFile, type SipakmedVariant } from "../training/data-set";
import type { Split } from "../training/data-split";
import { chooseSplit, type SplitChoice } from "../training/choose-split";
import { readGroups } from "../training/image-groups";
import { findLeakage, summedLeakage, type Leakage } from "../training/leakage";
import { evaluatePredictions, type Evaluation } from "./evaluation";

export interface EvaluationJob {
  /** A model folder, an ONNX file, or a model that was read. */
  readonly model: string | { readonly bytes: Uint8Array; readonly card: ModelCard };
  readonly data: string;
  readonly variant?: SipakmedVariant | undefined;
  /** Which part of which split; the whole data set when left out. */
  readonly part?: (SplitChoice & { readonly name: keyof Split }) | undefined;
  /** A rule for groups, see `readGroups`: intervals then resample groups. By default those of the part's split. */
  readonly groups?: string | undefined;
  /** Looks for images that the split's training part knows; unless told otherwise. */
  readonly leakCheck?: boolean | undefined;
  /** Averages the probabilities over the four flips of each image. */
  readonly flips?: boolean | undefined;
  readonly skipUnreadable?: boolean | undefined;
  /** Model folder of a U-Net whose mask takes the place of Otsu's. */
  readonly maskModel?: string | undefined;
  readonly threads?: number | undefined;
  readonly onImage?: ((done: number, total: number) => void) | undefined;
}

export interface ImagePrediction {
  readonly name: string;
  readonly group?: string | undefined;
  readonly className: string;
  readonly predicted: string;
  readonly probability: number;
  readonly probabilities: readonly number[];
}

export interface ModelEvaluation {
  readonly model: { readonly name: string; readonly sha256: string };
  /** What of the model's card nobody said. */
  readonly guesses?: readonly string[] | undefined;
  readonly data: string;
  readonly part: string;
  readonly flips: boolean;
  readonly classes: readonly string[];
  readonly evaluation: Evaluation;
  readonly predictions: readonly ImagePrediction[];
  readonly unreadable: readonly { readonly name: string; readonly reason: string }[];
  readonly groups?: { readonly by: string; readonly count: number } | undefined;
  /** Of a part of a split: what its training part knows of it. */
  readonly leakage?: Leakage | undefined;
  /** What was made of the data's folders. */
  readonly notes: readonly string[];
}

const batchSize = 8;

/**
 * Runs a model over labelled images, each prepared as the model's card says, while the next ones are decoded.
 * @throws UserError "evaluation.classes" when the data's classes are not the model's, "evaluation.empty", "data.unreadable"
 */
export async function evaluateModel(job: EvaluationJob): Promise<ModelEvaluation> {
  const dataSet = await readDataSet(job.data, job.variant);
  const part = job.part ?? ownPart(dataSet);
  const split = part && (await chooseSplit(dataSet, { groups: job.groups, ...part }));
  const grouping = split?.grouping ?? (job.groups === undefined ? undefined : await readGroups(dataSet, job.groups));
  const files = split && part ? split[part.name] : dataSet.files;
  if (files.length === 0)
    throw new UserError(
      "evaluation.empty",
      `Expected images to evaluate on but the ${job.part?.name ?? ""} part of the split is empty`,
    );
  const classifier = await open(job.model, job.threads === undefined ? {} : { threads: job.threads });
  const masker = job.maskModel === undefined ? undefined : await CellMasker.open(job.maskModel);
  const decoders = [new Decoder(), new Decoder()] as const;
  try {
    const { classNames, card } = classifier;
    const labels = dataSet.classes.map((name) => classNames.indexOf(name));
    const strangers = dataSet.classes.filter((_, index) => labels[index] === -1);
    if (strangers.length > 0)
      throw new UserError(
        "evaluation.classes",
        `Expected folders named after the model's classes ${classNames.join(", ")} but found ${strangers.join(", ")}`,
      );
    const unreadable: { name: string; reason: string }[] = [],
      predictions: ImagePrediction[] = [];
    const { height, width } = classifier.input;
    const prepare = async (file: LabelledFile, position: number) => {
      const decoder = decoders[position % 2 === 0 ? 0 : 1];
      return tensorOf(
        decoder,
        file.file,
        { ...card?.input, ...classifier.normalisation, height, width, layout: "NCHW" },
        dataSet.masked,
        masker,
      ).then(
        (tensor) => ({ file, tensor }),
        (error: unknown) => {
          if (!(error instanceof ImageError)) throw error;
          unreadable.push({ name: file.name, reason: error.message });
        },
      );
    };
    const ask = (start: number) => Promise.all(files.slice(start, start + batchSize).map(prepare));
    let pending = ask(0);
    for (let start = 0; start < files.length; start += batchSize) {
      const ready = (await pending).filter((item) => item !== undefined);
      if (start + batchSize < files.length) pending = ask(start + batchSize);
      const rows = await probabilitiesOf(
        classifier,
        ready.map(({ tensor }) => tensor),
        width,
        job.flips ?? false,
      );
      for (const [index, { file }] of ready.entries()) {
        const probabilities = rows[index] ?? [];
        const probability = Math.max(...probabilities);
        predictions.push({
          name: file.name,
          group: grouping?.of.get(file.name),
          className: dataSet.classes[file.label] ?? "",
          predicted: classNames[probabilities.indexOf(probability)] ?? "",
          probability,
          probabilities,
        });
      }
      job.onImage?.(Math.min(files.length, start + batchSize), files.length);
    }
    if (unreadable.length > 0 && !job.skipUnreadable) {
      throw new UserError(
        "data.unreadable",
        `Expected images that can be read but ${unreadable.length} cannot (pass --skip-unreadable to leave them out):${unreadable.map(({ name, reason }) => `\n  ${name}: ${reason}`).join("")}`,
      );
    }
    if (predictions.length === 0)
      throw new UserError("evaluation.empty", "Expected images to evaluate on but none can be read");
    const leakage =
      split && part?.name !== "train" && job.leakCheck !== false ? await findLeakage(split.train, files) : undefined;
    return {
      model: { name: card?.name ?? "model", sha256: classifier.sha256 },
      guesses: card?.guesses,
      data: dataSet.folder,
      part: split && part ? `${part.name} of the split (${split.description})` : "all images",
      notes: dataSet.notes ?? [],
      flips: job.flips ?? false,
      classes: classNames,
      predictions,
      unreadable,
      groups: grouping && { by: grouping.by, count: new Set(predictions.map(({ group }) => group)).size },
      leakage,
      evaluation: evaluationOf(classNames, predictions),
    };
  } finally {
    await Promise.all([classifier.close(), masker?.close(), ...decoders.map((decoder) => decoder.close())]);
  }
}

/** Evaluations of parts of one data set by models of the same classes as one: all predictions, scored together. */
export function scoredTogether(parts: readonly ModelEvaluation[], part: string): ModelEvaluation {
  const [first] = parts;
  if (!first) throw new RangeError("Expected at least one evaluation but received none");
  const predictions = parts.flatMap((one) => one.predictions).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return {
    ...first,
    model: {
      name: parts.map(({ model }) => model.name).join(", "),
      sha256: parts.map(({ model }) => model.sha256).join(", "),
    },
    part,
    predictions,
    unreadable: parts.flatMap(({ unreadable }) => unreadable),
    groups: first.groups && {
      by: first.groups.by,
      count: new Set(predictions.map(({ group }) => group)).size,
    },
    leakage: parts.every(({ leakage }) => leakage)
      ? summedLeakage(parts.flatMap(({ leakage }) => leakage ?? []))
      : undefined,
    evaluation: evaluationOf(first.classes, predictions),
  };
}

function evaluationOf(classes: readonly string[], predictions: readonly ImagePrediction[]): Evaluation {
  const groups = predictions.flatMap(({ group }) => (group === undefined ? [] : [group]));
  return evaluatePredictions(
    classes,
    predictions.flatMap(({ probabilities }) => probabilities),
    predictions.map(({ className }) => classes.indexOf(className)),
    { groups: groups.length === predictions.length && groups.length > 0 ? groups : undefined },
  );
}

function open(model: EvaluationJob["model"], options: LoadModelOptions): Promise<Classifier> {
  return typeof model === "string"
    ? loadModel(model, options)
    : loadModel(model.bytes, { ...options, card: model.card });
}

/** Of data parted by its own folders the part to test on, else that to validate on. */
function ownPart({ layout, files }: DataSet): EvaluationJob["part"] {
  if (layout !== "split-folders") return undefined;
  return { split: "study", name: files.some((file) => file.part === "test") ? "test" : "validation" };
}

async function tensorOf(
  decoder: Decoder,
  file: string,
  input: NetworkInput,
  masked: boolean,
  masker: CellMasker | undefined,
): Promise<Float32Array> {
  if (!masker) return (await decoder.prepare(file, { input, mask: masked ? "otsu" : "none" })).tensor;
  const { width, height, data } = await decoder.decode(file);
  return normalise(cropToFrame(await masker.mask({ width, height, data }), frame(width, height, input)), input);
}

async function probabilitiesOf(
  classifier: Classifier,
  tensors: readonly Float32Array[],
  width: number,
  flips: boolean,
): Promise<number[][]> {
  if (tensors.length === 0) return [];
  const views = flips
    ? [(x: Float32Array) => x, mirrored, upsideDown, (x: Float32Array, w: number) => upsideDown(mirrored(x, w), w)]
    : [(x: Float32Array) => x];
  const sums = tensors.map(() => classifier.classNames.map(() => 0));
  for (const view of views) {
    const predictions = await classifier.predict(tensors.map((tensor) => view(tensor, width)));
    predictions.forEach(({ probabilities }, sample) =>
      probabilities.forEach((probability, index) => {
        const row = sums[sample];
        if (row) row[index] = (row[index] ?? 0) + probability / views.length;
      }),
    );
  }
  return sums;
}

/** Each row of [channels, height, width] from right to left. */
function mirrored(tensor: Float32Array, width: number): Float32Array {
  const out = Float32Array.from(tensor);
  for (let start = 0; start < out.length; start += width) out.subarray(start, start + width).reverse();
  return out;
}

/** Each plane of a square [channels, size, size] from bottom to top. */
function upsideDown(tensor: Float32Array, width: number): Float32Array {
  const out = new Float32Array(tensor.length),
    rows = tensor.length / (3 * width);
  for (let row = 0; row < 3 * rows; row++) {
    const plane = Math.floor(row / rows),
      target = plane * rows + (rows - 1 - (row % rows));
    out.set(tensor.subarray(row * width, (row + 1) * width), target * width);
  }
  return out;
}
