import { engineVersion } from "../contract/engine-version";
import { axis } from "../html/axis";
import { percent, probability, whole } from "../html/figures";
import { type Content, html, type Markup } from "../html/markup";
import { page } from "../html/page";
import { plot } from "../html/plot";
import { countMatrix, scrollable } from "../html/tables";
import { leakageText } from "../training/leakage";
import type { Calibration } from "./calibration";
import type { ConfusionMatrix } from "./confusion-matrix";
import type { ImagePrediction, ModelEvaluation } from "./evaluate-model";
import type { Evaluation } from "./evaluation";
import type { RocCurve } from "./roc";

const mostMistakes = 50;

/** The report of an evaluation as one self-contained page. */
export function evaluationPage(result: ModelEvaluation): string {
  const { model, part, flips, classes, evaluation, unreadable, predictions, groups, leakage } = result;
  const known = leakage && leakageText(leakage);
  return page({
    kind: "Cytolens evaluation",
    heading: model.name,
    facts: [
      ["Images", `${whole(evaluation.samples)}, ${part}`],
      ...(flips ? [["Probabilities", "averaged over four flips"] as const] : []),
      ...(groups ? [["Groups", `${whole(groups.count)}, by ${groups.by}`] as const] : []),
      ["Model", html`<code>${model.sha256}</code>`],
    ],
    notices: known === undefined ? [] : [{ text: known }],
    main: html`<section class="columns">${scores(evaluation, groups ? `${whole(groups.count)} groups of images` : "the images")}${perClass(evaluation)}</section>
<section class="panel" aria-labelledby="confusion"><h2 id="confusion">Confusion matrix</h2>${confusion(evaluation.matrix)}</section>
<div class="plots">${rocPlot(classes, evaluation.roc)}${calibrationPlot(evaluation.calibration)}</div>
${mistakes(predictions)}${leftOut(unreadable)}`,
    version: engineVersion,
  });
}

function scoreRow(name: string, value: Content, interval?: { low: number; high: number }): Markup {
  return html`<tr><th scope="row">${name}</th><td class="number">${value}</td><td class="number">${interval && `${percent(interval.low)} to ${percent(interval.high)}`}</td></tr>`;
}

function scores({ accuracy, macro, macroAuc, calibration, intervals }: Evaluation, resampled: string): Markup {
  return html`<section class="panel" aria-labelledby="scores"><h2 id="scores">Scores</h2>${scrollable(
    "Table of scores",
    html`<table><thead><tr><th scope="col">Score</th><th scope="col" class="number">Value</th><th scope="col" class="number">95 % interval</th></tr></thead><tbody>
${scoreRow("Top-1 accuracy", percent(accuracy), intervals.accuracy)}
${scoreRow("Top-1 accuracy, Wilson's interval", percent(accuracy), intervals.accuracyWilson)}
${scoreRow("Macro F1", percent(macro.f1), intervals.macroF1)}
${scoreRow("Mean ROC-AUC, one against the rest", area(macroAuc, 4))}
${scoreRow("Expected calibration error", percent(calibration.expectedError), intervals.expectedCalibrationError)}
</tbody></table>`,
  )}<p class="help">Intervals are by bootstrap over ${resampled}; Wilson's is wider, and honest where nearly all are right.
By chance alone so few images would show a calibration error of ${percent(calibration.expectedErrorByChance)}.</p></section>`;
}

function perClass({ perClass: classes, macro, weighted }: Evaluation): Markup {
  const rows = [...classes, { ...macro, className: "macro average" }, { ...weighted, className: "weighted average" }];
  return html`<section class="panel" aria-labelledby="classes"><h2 id="classes">Per class</h2>${scrollable(
    "Table of scores per class",
    html`<table><thead><tr><th scope="col">Class</th><th scope="col" class="number">Precision</th><th scope="col" class="number">Recall</th><th scope="col" class="number">F1</th><th scope="col" class="number">Support</th></tr></thead><tbody>
${rows.map(
  ({ className, precision, recall, f1, support }) =>
    html`<tr><th scope="row">${className}</th><td class="number">${percent(precision)}</td><td class="number">${percent(recall)}</td><td class="number">${percent(f1)}</td><td class="number">${whole(support)}</td></tr>`,
)}</tbody></table>`,
  )}<p class="help">Support: images that are of the class.</p></section>`;
}

function confusion({ classes, counts }: ConfusionMatrix): Markup {
  return countMatrix({
    label: "Table of the confusion matrix",
    note: "Images, and their share of the true class. Outlined: right.",
    rowTitle: "True class",
    columnTitle: "Predicted class",
    rows: classes,
    columns: classes,
    counts,
    shares: true,
  });
}

function rocPlot(classes: readonly string[], curves: readonly RocCurve[]): Markup {
  const named = curves.map(({ area: under }, index) => `${classes[index] ?? ""} ${area(under, 3)}`);
  return plot({
    caption: "ROC, one class against the rest, with its area",
    summary: `ROC curves with their areas: ${named.join(", ")}`,
    x: axis("False positive rate", 0, 1),
    y: axis("True positive rate", 0, 1),
    layers: [
      { kind: "guide", from: { x: 0, y: 0 }, to: { x: 1, y: 1 } },
      ...curves.map(({ points }, index) => ({
        kind: "line" as const,
        name: named[index] ?? "",
        colour: index,
        points: points.map(({ falsePositiveRate, truePositiveRate }) => ({
          x: falsePositiveRate,
          y: truePositiveRate,
        })),
      })),
    ],
  });
}

function calibrationPlot({ bins, expectedError }: Calibration): Markup {
  return plot({
    caption: "Calibration: how often predictions of a probability are right",
    summary: `Reliability diagram; expected calibration error ${percent(expectedError)}`,
    x: axis("Probability of the predicted class", 0, 1),
    y: axis("Share that is right", 0, 1),
    layers: [
      {
        kind: "bars",
        colour: 0,
        bars: bins
          .filter(({ count }) => count > 0)
          .map(({ from, to, accuracy, confidence, count }) => ({
            from,
            to,
            y: accuracy,
            note: `${whole(count)} ${count === 1 ? "image" : "images"}: probability ${percent(confidence)}, right ${percent(accuracy)}`,
          })),
      },
      { kind: "guide", from: { x: 0, y: 0 }, to: { x: 1, y: 1 } },
    ],
  });
}

function mistakes(predictions: readonly ImagePrediction[]): Markup | null {
  const wrong = predictions
    .filter(({ className, predicted }) => className !== predicted)
    .sort((a, b) => b.probability - a.probability);
  if (wrong.length === 0) return null;
  const shown = wrong.slice(0, mostMistakes);
  return html`<section class="panel" aria-labelledby="mistakes"><h2 id="mistakes">Mistakes, the surest first</h2>${scrollable(
    "Table of mistakes",
    html`<table><caption>${whole(shown.length)} of ${whole(wrong.length)}${shown.length < wrong.length && "; predictions.csv has every image"}</caption>
<thead><tr><th scope="col">Image</th><th scope="col">Class</th><th scope="col">Predicted</th><th scope="col" class="number">Probability</th></tr></thead><tbody>
${shown.map(
  (mistake) =>
    html`<tr><th scope="row"><bdi>${mistake.name}</bdi></th><td>${mistake.className}</td><td>${mistake.predicted}</td><td class="number">${probability(mistake.probability)}</td></tr>`,
)}</tbody></table>`,
  )}</section>`;
}

function leftOut(unreadable: ModelEvaluation["unreadable"]): Markup | null {
  if (unreadable.length === 0) return null;
  return html`<section class="panel" aria-labelledby="unreadable"><h2 id="unreadable">Left out</h2><ul>${unreadable.map(({ name, reason }) => html`<li><bdi>${name}</bdi>: ${reason}</li>`)}</ul></section>`;
}

/** An area under a curve; a class without samples has none. */
const area = (value: number, decimals: number): string => (Number.isNaN(value) ? "–" : value.toFixed(decimals));
