import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { methodSettings } from "../lib/contract/methods";
import { modelCard, type ModelCard } from "../lib/contract/model-card";
import { evaluateModel } from "../lib/evaluation/evaluate-model";
import type { Classifier } from "../lib/inference/classifier";
import { loadModel } from "../lib/inference/load-model";
import { networkNamed } from "../lib/networks/catalogue";
import { initializeWeights } from "../lib/networks/initialize";
import { cardFileName, readModelFolder } from "../lib/networks/model-folder";
import { writeModel } from "../lib/onnx/write-model";
import { phantomClasses } from "../lib/phantom/cell";
import { writePhantoms } from "../lib/phantom/write-phantoms";
import { measurePointing, type PointingOptions, type PointingResult } from "./measure-pointing";

/** Seeds of phantoms that no model of this project was trained on. */
const evaluationSeed = 1000,
  pointingSeed = 2000,
  randomWeightsSeed = 99;
/** White is the empty slide, so a path from white adds the cells to it; black is the usual baseline. */
const methods = [
  { name: "integrated-gradients", baseline: "white", steps: 16 },
  { name: "integrated-gradients", baseline: "black", steps: 16 },
  { name: "grad-cam" },
  { name: "input-x-gradient" },
].map((method) => methodSettings.parse(method));

/**
 * Measures the shipped model on phantoms it never saw and writes the figures on its card:
 * node dist/bench/demo-model-card.js models/phantom-densenet121-rca [fields per class] [fields per class for pointing]
 */
async function main([folder = "", perClass = "40", pointingPerClass = "20"]: readonly string[]): Promise<void> {
  const { card } = await readModelFolder(folder);
  const scratch = await mkdtemp(path.join(tmpdir(), "demo-model-"));
  try {
    await writePhantoms({
      folder: scratch,
      kind: "fields",
      classes: phantomClasses,
      countPerClass: Number(perClass),
      size: 512,
      seed: evaluationSeed,
    });
    const { evaluation } = await evaluateModel({ model: folder, data: scratch });
    console.log(`${evaluation.samples} fields: top-1 ${evaluation.accuracy}`);
    const options = { methods, fieldsPerClass: Number(pointingPerClass), seed: pointingSeed };
    const trained = await pointing(await loadModel(folder, { cacheFolder: null }), options);
    console.log(JSON.stringify(trained));
    const random = await pointing(await randomTwin(card), options);
    console.log(
      JSON.stringify({ accuracy: evaluation.accuracy, counts: evaluation.matrix.counts, trained, random }, null, 1),
    );
    const figures = (results: readonly PointingResult[], of: string) =>
      Object.fromEntries(
        results.flatMap(({ method, hits, mass }) => [
          [`pointing game, ${method}${of}`, rounded(hits)],
          [`positive attribution on the sign, ${method}${of}`, rounded(mass)],
        ]),
      );
    const { accuracyWilson: accuracy, expectedCalibrationError } = evaluation.intervals;
    const next = modelCard.parse({
      ...card,
      title: "DenseNet121 with channel attention, reduced, trained on phantoms",
      data: {
        ...card.data,
        description:
          "Synthetic Pap-smear fields (phantoms) in SIPaKMeD's five classes, drawn by this project. No real cell was used.",
        licence: "Apache-2.0, as the project",
      },
      metrics: {
        ...card.metrics,
        "held-out accuracy": evaluation.accuracy,
        "held-out accuracy, low": rounded(accuracy.low),
        "held-out accuracy, high": rounded(accuracy.high),
        "held-out images": evaluation.samples,
        "expected calibration error": rounded(evaluation.calibration.expectedError),
        "expected calibration error, high": rounded(expectedCalibrationError.high),
        ...figures(trained, ""),
        ...figures(random, " (random weights)"),
        "pointing game, fields": trained[0]?.fields ?? 0,
        "share of the image on the sign": rounded(trained[0]?.chance ?? 0),
      },
      evaluatedOn: `phantom fields of 512 pixels drawn from other seeds (${evaluationSeed} for accuracy, ${pointingSeed} for the pointing game); validationAccuracy is of the split's validation part, by which the epoch was chosen`,
      limits: [
        "Knows phantoms alone: on images of real cells its answers mean nothing.",
        "In the pointing game an explanation of the true class is right when its highest point, after smoothing by 2 % of the width, lies on a cell that carries the class's sign.",
      ],
    });
    await writeFile(path.join(folder, cardFileName), `${JSON.stringify(next, null, 2)}\n`);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function pointing(classifier: Classifier, options: PointingOptions): Promise<PointingResult[]> {
  try {
    return await measurePointing(classifier, options);
  } finally {
    await classifier.close();
  }
}

/** The same network as it was before training. */
function randomTwin(card: ModelCard): Promise<Classifier> {
  const network = networkNamed(card.network ?? "", { classes: card.classes.length, size: card.input.height });
  return loadModel(writeModel(network.build(initializeWeights(network, randomWeightsSeed))), {
    card,
    cacheFolder: null,
  });
}

function rounded(value: number): number {
  return Number(value.toFixed(4));
}

void main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
