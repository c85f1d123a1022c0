import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import type { ModelEvaluation } from "./evaluate-model";
import { rowNormalised } from "./confusion-matrix";
import { evaluationPage } from "./evaluation-page";

/** Writes evaluation.json, predictions.csv and evaluation.html into a folder. */
export async function writeEvaluation(folder: string, result: ModelEvaluation): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, "evaluation.json"), `${JSON.stringify(evaluationJson(result), null, 2)}\n`);
  await writeFile(path.join(folder, "predictions.csv"), predictionsCsv(result));
  await writeFile(path.join(folder, "evaluation.html"), evaluationPage(result));
}

/** What scripts read: everything but the single predictions and the points of the curves. */
export function evaluationJson({
  evaluation,
  model,
  data,
  part,
  flips,
  classes,
  unreadable,
  groups,
  leakage,
  guesses = [],
  notes,
}: ModelEvaluation): unknown {
  const { roc, matrix, ...scores } = evaluation;
  return {
    schemaVersion: 1,
    model,
    data,
    part,
    flips,
    classes,
    unreadable,
    ...(groups && { groups }),
    ...(leakage && { leakage }),
    guesses,
    notes,
    ...scores,
    confusion: { counts: matrix.counts, rowNormalised: rowNormalised(matrix) },
    auc: roc.map(({ area }) => (Number.isNaN(area) ? null : area)),
  };
}

function predictionsCsv({ classes, predictions }: ModelEvaluation): string {
  const header = ["image", "class", "predicted", "probability", ...classes.map((name) => `p(${name})`)];
  const rows = predictions.map(({ name, className, predicted, probability, probabilities }) => [
    name,
    className,
    predicted,
    String(probability),
    ...probabilities.map(String),
  ]);
  return [header, ...rows]
    .map((row) => row.map(cell).join(","))
    .join("\r\n")
    .concat("\r\n");
}

/** Quoted where needed; a cell that a spreadsheet would take for a formula begins with an apostrophe. */
function cell(text: string): string {
  const harmless = /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
