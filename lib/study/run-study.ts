import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { imageNetNormalisation } from "../contract/normalisation";
import { readJson } from "../contract/read-json";
import { canonicalJson } from "../contract/digests";
import { methodSettings } from "../contract/methods";
import { evaluateModel, type ModelEvaluation } from "../evaluation/evaluate-model";
import {
  studyNetworks,
  studyVariants,
  type StudyNetwork,
  type StudyReport,
  type StudyResult,
  type StudyVariant,
} from "./study-table";
import { studyPage } from "./study-page";
import { writeEvaluation } from "../evaluation/write-evaluation";
import { percent } from "../html/figures";
import { Decoder } from "../imaging/preparing/decoder";
import { renderFigure } from "../imaging/drawing/figure";
import { loadModel } from "../inference/load-model";
import { phantomClasses } from "../phantom/cell";
import { writePhantoms } from "../phantom/write-phantoms";
import { writeWhole } from "../training/checkpoint";
import { leakageText } from "../training/leakage";
import { readDataSet } from "../training/data-set";
import { runTraining } from "../training/run-training";
import { parseTrainingSettings, type TrainingSettings } from "../training/training-settings";
import { splitOf } from "../training/data-split";
import { applyMethod } from "../explaining/apply-method";

/** "paper": the study's own networks at 224 pixels. "quick": their narrow versions on small images, for two cores. */
export const studyPresets = ["quick", "paper"] as const;
export type StudyPreset = (typeof studyPresets)[number];

export interface StudyJob {
  /** SIPaKMeD as it is distributed; undefined draws phantoms in its place. */
  readonly data: string | undefined;
  /** The other set of the generalisation run, class folders; by default, on phantoms, whole fields. */
  readonly smear?: string | undefined;
  readonly preset: StudyPreset;
  readonly out: string;
  readonly seed: number;
  readonly networks?: readonly StudyNetwork[] | undefined;
  readonly variants?: readonly StudyVariant[] | undefined;
  /** In place of the preset's. */
  readonly epochs?: number | undefined;
  readonly size?: number | undefined;
  readonly phantomsPerClass?: number | undefined;
  readonly threads?: number | undefined;
  readonly say: (line: string) => void;
}

interface Plan {
  readonly networkOf: Readonly<Record<StudyNetwork, string>>;
  readonly settings: TrainingSettings;
  readonly fieldsPerClass: number;
  readonly cellsPerClass: number;
}

const plans: Readonly<
  Record<StudyPreset, Omit<Plan, "settings"> & { readonly settings: Parameters<typeof parseTrainingSettings>[0] }>
> = {
  quick: {
    networkOf: {
      resnet50: "resnet50-mini",
      ran92: "ran92-mini",
      densenet121: "densenet121-mini",
      "densenet121-rca": "densenet121-rca-mini",
    },
    settings: { size: 64, epochs: 10, batch: 16, rate: 2e-3, warmupEpochs: 0.5, averaging: 0.95 },
    fieldsPerClass: 60,
    cellsPerClass: 60,
  },
  paper: {
    networkOf: {
      resnet50: "resnet50",
      ran92: "ran92",
      densenet121: "densenet121",
      "densenet121-rca": "densenet121-rca",
    },
    settings: { size: 224, epochs: 50, batch: 16, rate: 1e-3 },
    fieldsPerClass: 200,
    cellsPerClass: 800,
  },
};

/** Pixels of drawn phantoms for each of the network's input. */
const oversampling = 2;
/** The tenth that the generalisation run trains on is small. */
const largestGeneralisationBatch = 8;

/**
 * The study's experiments: each network on full fields, cropped cells and masked fields, the generalisation run, one table and the
 * explanation figures. What an earlier, interrupted run in the same folder has finished is not done again.
 */
export async function runStudy(job: StudyJob): Promise<StudyReport> {
  const plan = planOf(job);
  await mkdir(job.out, { recursive: true });
  const folderOf = job.data === undefined ? await drawPhantoms(job, plan) : () => job.data ?? "";
  const results: StudyResult[] = [];
  const networks = job.networks ?? studyNetworks,
    variants = job.variants ?? studyVariants;
  for (const network of networks) {
    for (const variant of variants) {
      results.push(await experiment(job, plan, network, variant, folderOf(variant)));
      await writeReport(job, plan, results, []);
    }
  }
  const smear = job.smear ?? (job.data === undefined ? folderOf("full") : undefined);
  if (smear !== undefined && networks.includes("resnet50") && variants.includes("cropped"))
    results.push(await generalisation(job, plan, smear));
  const figures = await drawFigures(job, networks, variants[0] ?? "full", folderOf);
  return writeReport(job, plan, results, figures);
}

function planOf({ preset, seed, epochs, size, phantomsPerClass }: StudyJob): Plan {
  const { settings, fieldsPerClass, cellsPerClass, ...rest } = plans[preset];
  return {
    ...rest,
    fieldsPerClass: phantomsPerClass ?? fieldsPerClass,
    cellsPerClass: phantomsPerClass ?? cellsPerClass,
    settings: parseTrainingSettings({
      ...settings,
      seed,
      ...(epochs === undefined ? {} : { epochs }),
      ...(size === undefined ? {} : { size }),
    }),
  };
}

async function drawPhantoms({ out, seed, say }: StudyJob, plan: Plan): Promise<(variant: StudyVariant) => string> {
  const folders = { fields: path.join(out, "phantoms", "fields"), cells: path.join(out, "phantoms", "cells") };
  const size = oversampling * plan.settings.size;
  for (const kind of ["fields", "cells"] as const) {
    const count = kind === "fields" ? plan.fieldsPerClass : plan.cellsPerClass;
    const finished = path.join(folders[kind], "drawn.json");
    const wanted = JSON.stringify({ count, size, seed });
    if (existsSync(finished) && (await readFile(finished, "utf8")) === wanted) continue;
    say(`Drawing ${5 * count} phantom ${kind}`);
    await writePhantoms({ folder: folders[kind], kind, classes: phantomClasses, countPerClass: count, size, seed });
    await writeFile(finished, wanted);
  }
  return (variant) => (variant === "cropped" ? folders.cells : folders.fields);
}

async function experiment(
  job: StudyJob,
  plan: Plan,
  network: StudyNetwork,
  variant: StudyVariant,
  data: string,
): Promise<StudyResult> {
  const folder = modelFolder(job, network, variant);
  return finishedOr(folder, job, `${network} on ${variant}`, async () => {
    await runTraining({
      data,
      variant,
      network: plan.networkOf[network],
      split: "study",
      settings: plan.settings,
      out: folder,
      threads: job.threads,
    });
    const measured = await evaluateModel({
      model: folder,
      data,
      variant,
      part: { split: "study", name: "test" },
      threads: job.threads,
    });
    return { network, trained: plan.networkOf[network], variant, measured };
  });
}

/** ResNet50 from cropped cells, on another set: trained on one tenth of it (which also chooses the epoch), tested on the other nine. */
async function generalisation(job: StudyJob, plan: Plan, smear: string): Promise<StudyResult> {
  const folder = path.join(job.out, "models", "resnet50-generalisation");
  const { train } = splitOf(await readDataSet(smear), "one-to-nine");
  const settings = { ...plan.settings, batch: Math.min(plan.settings.batch, largestGeneralisationBatch, train.length) };
  return finishedOr(folder, job, "resnet50 from cropped cells to another set", async () => {
    await runTraining({
      data: smear,
      network: plan.networkOf.resnet50,
      split: "one-to-nine",
      settings,
      out: folder,
      threads: job.threads,
      weights: path.join(modelFolder(job, "resnet50", "cropped"), "weights.safetensors"),
      newHead: true,
    });
    const measured = await evaluateModel({
      model: folder,
      data: smear,
      part: { split: "one-to-nine", name: "test" },
      threads: job.threads,
    });
    return { network: "resnet50", trained: plan.networkOf.resnet50, variant: "generalisation", measured };
  });
}

type Measured = Pick<StudyResult, "network" | "trained" | "variant"> & { readonly measured: ModelEvaluation };

async function finishedOr(
  folder: string,
  job: StudyJob,
  what: string,
  work: () => Promise<Measured>,
): Promise<StudyResult> {
  const file = path.join(folder, "study-result.json");
  const plan = canonicalJson([job.preset, planOf(job)]);
  if (existsSync(file)) {
    const read = readJson(await readFile(file));
    // What cannot be read any more is measured again.
    const known = "value" in read ? (read.value as { plan: string; result: StudyResult } | null) : null;
    if (known?.plan === plan) return known.result;
  }
  const started = performance.now();
  const { measured, ...experimented } = await work();
  const { accuracy, intervals, macro, samples } = measured.evaluation;
  const result: StudyResult = {
    ...experimented,
    accuracy,
    low: intervals.accuracyWilson.low,
    high: intervals.accuracyWilson.high,
    macroF1: macro.f1,
    testImages: samples,
    ...(measured.leakage && { leakage: leakageText(measured.leakage) }),
    minutes: (performance.now() - started) / 60_000,
  };
  await writeEvaluation(folder, measured);
  await writeWhole(file, JSON.stringify({ plan, result }));
  job.say(`${what}: top-1 ${percent(accuracy, 2)} on ${samples} test images (${result.minutes.toFixed(1)} min)`);
  return result;
}

/** For each class one test image, explained by the study's two methods. */
async function drawFigures(
  job: StudyJob,
  networks: readonly StudyNetwork[],
  variant: StudyVariant,
  folderOf: (variant: StudyVariant) => string,
): Promise<StudyReport["figures"]> {
  const network = networks.includes("densenet121-rca") ? "densenet121-rca" : networks[0];
  if (network === undefined) return [];
  const dataSet = await readDataSet(folderOf(variant), variant);
  const { test } = splitOf(dataSet, "study");
  const classifier = await loadModel(
    modelFolder(job, network, variant),
    job.threads === undefined ? {} : { threads: job.threads },
  );
  const decoder = new Decoder();
  try {
    const figures: { file: string; caption: string }[] = [];
    for (const [label, className] of dataSet.classes.entries()) {
      const example = test.find((file) => file.label === label);
      if (!example) continue;
      const { seen, tensor } = await decoder.prepare(example.file, {
        input: { ...classifier.card?.input, height: classifier.input.height, width: classifier.input.width },
        mask: dataSet.masked ? "otsu" : "none",
      });
      const [prediction] = await classifier.predict([tensor]);
      if (!prediction) continue;
      const rows = [];
      for (const [name, title] of [
        ["input-x-gradient", "input x gradient"],
        ["integrated-gradients", "integrated gradients"],
      ] as const) {
        const attribution = await applyMethod(
          classifier,
          methodSettings.parse({ name }),
          { classIndex: prediction.classIndex, of: "logit" },
          tensor,
          classifier.card?.input ?? imageNetNormalisation,
        );
        rows.push({
          title,
          signed: true,
          map: { width: attribution.width, height: attribution.height, data: attribution.map },
        });
      }
      const file = `figure-${label + 1}.png`;
      await writeFile(path.join(job.out, file), await renderFigure(seen, rows));
      figures.push({
        file,
        caption: `${className}, predicted ${prediction.className} (${percent(prediction.probability)}) by ${network} (${variant})`,
      });
    }
    return figures;
  } finally {
    await classifier.close();
    await decoder.close();
  }
}

async function writeReport(
  job: StudyJob,
  plan: Plan,
  results: readonly StudyResult[],
  figures: StudyReport["figures"],
): Promise<StudyReport> {
  const report: StudyReport = {
    phantom: job.data === undefined,
    sipakmed: job.data !== undefined && (await readDataSet(job.data, job.variants?.[0])).layout === "sipakmed",
    preset: job.preset,
    data: job.data === undefined ? "phantoms drawn by this program" : path.basename(path.resolve(job.data)),
    size: plan.settings.size,
    epochs: plan.settings.epochs,
    results,
    figures,
  };
  await writeWhole(path.join(job.out, "study.json"), `${JSON.stringify({ schemaVersion: 1, ...report }, null, 2)}\n`);
  await writeWhole(path.join(job.out, "study.html"), studyPage(report));
  return report;
}

function modelFolder({ out }: StudyJob, network: StudyNetwork, variant: StudyVariant): string {
  return path.join(out, "models", `${network}-${variant}`);
}
