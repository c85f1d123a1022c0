import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { UserError } from "../contract/errors";
import { foldsDocument } from "../contract/folds";
import { writeWhole } from "../training/checkpoint";
import { runTraining } from "../training/run-training";
import type { TrainedModel, TrainingJob } from "../training/training-request";
import { summedLeakage, type Leakage } from "../training/leakage";
import { evaluateModel, scoredTogether, type EvaluationJob, type ModelEvaluation } from "./evaluate-model";
import { writeEvaluation } from "./write-evaluation";

export interface CrossValidationJob extends Omit<TrainingJob, "split" | "heldOut" | "partFolds"> {
  /** Models to train, each without one fold. */
  readonly folds: number;
  readonly onFold?: ((fold: number, trained: TrainedModel) => void) | undefined;
}

const foldsFileName = "folds.json";

/**
 * Trains a model for each of several class-balanced folds, group by group where groups are told, and judges every image by the model that
 * saw neither it nor its group. The last epoch is kept, so that the fold held out chooses nothing. Models lie in fold-0, fold-1, … of the
 * folder, with evaluation.html, evaluation.json and predictions.csv of all images beside them.
 * @throws UserError "training.settings" with a temperature to be fitted, "groups.…"
 */
export async function crossValidate({ folds, onFold, ...job }: CrossValidationJob): Promise<ModelEvaluation> {
  if (job.calibrate)
    throw new UserError(
      "training.settings",
      "Expected no temperature to be fitted (--calibrate) with --folds: the fold held out would have chosen it",
    );
  await mkdir(job.out, { recursive: true });
  const leakages: Leakage[] = [];
  for (let fold = 0; fold < folds; fold++) {
    const trained = await runTraining({
      ...job,
      split: "study",
      settings: { ...job.settings, keep: "last" },
      name: `${job.name ?? job.network}-fold-${fold}`,
      heldOut: { fold, of: folds },
      out: foldFolder(job.out, fold),
    });
    if (trained.leakage) leakages.push(trained.leakage);
    onFold?.(fold, trained);
  }
  const { groups, foldColumn } = job;
  const document = foldsDocument.parse({ schemaVersion: 1, folds, groups, foldColumn });
  await writeWhole(path.join(job.out, foldsFileName), `${JSON.stringify(document, null, 2)}\n`);
  const { out: model, data, variant, skipUnreadable, maskModel, threads } = job;
  const judged = await evaluateFolds({ model, data, variant, skipUnreadable, maskModel, threads, leakCheck: false });
  const result = { ...judged, leakage: leakages.length === folds ? summedLeakage(leakages) : undefined };
  await writeEvaluation(job.out, result);
  return result;
}

/** Whether a folder holds the models of folds. */
export function holdsFolds(folder: string): boolean {
  return existsSync(path.join(folder, foldsFileName));
}

/** Judges every image by the model of the fold that it was held out of. */
export async function evaluateFolds(
  job: Omit<EvaluationJob, "part" | "groups" | "model"> & { readonly model: string },
): Promise<ModelEvaluation> {
  const { folds, groups, foldColumn } = foldsDocument.parse(
    JSON.parse(await readFile(path.join(job.model, foldsFileName), "utf8")),
  );
  const results: ModelEvaluation[] = [];
  for (let fold = 0; fold < folds; fold++) {
    results.push(
      await evaluateModel({
        ...job,
        model: foldFolder(job.model, fold),
        part: { groups, foldColumn, split: "study", heldOut: { fold, of: folds }, name: "validation" },
      }),
    );
  }
  return scoredTogether(results, `all images, each by the one of ${folds} models that it was held out of`);
}

function foldFolder(folder: string, fold: number): string {
  return path.join(folder, `fold-${fold}`);
}
