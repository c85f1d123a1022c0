import { escapeHtml } from "../html/markup";
import type { Calibration } from "./calibration";
import { rowNormalised, type ConfusionMatrix } from "./confusion-matrix";
import type { ModelEvaluation } from "./evaluate-model";
import type { RocCurve } from "./roc";

const colours = ["#1f5fa8", "#b3470f", "#2f7d32", "#7b3fa0", "#8a6d00", "#00707a", "#a8325e", "#555555"];
const size = 320,
  margin = 44;

/** The report of an evaluation as one self-contained page. */
export function evaluationPage({
  model,
  part,
  flips,
  classes,
  evaluation,
  unreadable,
  predictions,
}: ModelEvaluation): string {
  const { intervals, accuracy, macro, weighted, macroAuc, calibration, samples } = evaluation;
  const range = ({ low, high }: { low: number; high: number }) => `${percent(low)} to ${percent(high)}`;
  const rows = [
    ...evaluation.perClass,
    { ...macro, className: "macro average" },
    { ...weighted, className: "weighted average" },
  ]
    .map(
      (scores) =>
        `<tr><th scope="row">${escapeHtml(scores.className)}</th><td>${percent(scores.precision)}</td><td>${percent(scores.recall)}</td><td>${percent(scores.f1)}</td><td>${scores.support}</td></tr>`,
    )
    .join("");
  const mistakes = predictions
    .filter(({ className, predicted }) => className !== predicted)
    .sort((a, b) => b.probability - a.probability)
    .slice(0, 50);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Evaluation of ${escapeHtml(model.name)}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;background:#fff}table{border-collapse:collapse;margin:1rem 0}th,td{padding:.25rem .75rem;text-align:right;border-bottom:1px solid #ddd}th[scope=row]{text-align:left}figure{margin:0}.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(20rem,1fr));gap:1.5rem}svg{width:100%;height:auto}text{font-size:11px}code{word-break:break-all}</style>
</head><body><main><h1>Evaluation of ${escapeHtml(model.name)}</h1>
<p>${samples} images, ${escapeHtml(part)}${flips ? ", probabilities averaged over four flips" : ""}. Model <code>${escapeHtml(model.sha256)}</code>.</p>
<table><tbody>
<tr><th scope="row">Top-1 accuracy</th><td>${percent(accuracy)}</td><td>${range(intervals.accuracy)}</td></tr>
<tr><th scope="row">the same, Wilson's interval</th><td></td><td>${range(intervals.accuracyWilson)}</td></tr>
<tr><th scope="row">Macro F1</th><td>${percent(macro.f1)}</td><td>${range(intervals.macroF1)}</td></tr>
<tr><th scope="row">Mean ROC-AUC, one against the rest</th><td>${Number.isNaN(macroAuc) ? "—" : macroAuc.toFixed(4)}</td><td></td></tr>
<tr><th scope="row">Expected calibration error</th><td>${percent(calibration.expectedError)}</td><td>${range(intervals.expectedCalibrationError)}; ${percent(calibration.expectedErrorByChance)} by chance alone on so few images</td></tr>
</tbody></table><p>Ranges are 95 % bootstrap intervals over the images; Wilson's is wider, and honest where nearly all are right.</p>
<h2>Per class</h2><table><thead><tr><th scope="col">class</th><th scope="col">precision</th><th scope="col">recall</th><th scope="col">F1</th><th scope="col">support</th></tr></thead><tbody>${rows}</tbody></table>
<div class="plots">${matrixPlot(evaluation.matrix)}${rocPlot(classes, evaluation.roc)}${calibrationPlot(calibration)}</div>
${mistakes.length > 0 ? `<h2>Mistakes, the surest first</h2><table><thead><tr><th scope="col">image</th><th scope="col">class</th><th scope="col">predicted</th><th scope="col">probability</th></tr></thead><tbody>${mistakes.map((mistake) => `<tr><th scope="row">${escapeHtml(mistake.name)}</th><td>${escapeHtml(mistake.className)}</td><td>${escapeHtml(mistake.predicted)}</td><td>${percent(mistake.probability)}</td></tr>`).join("")}</tbody></table>` : ""}
${unreadable.length > 0 ? `<h2>Left out</h2><ul>${unreadable.map(({ name, reason }) => `<li>${escapeHtml(name)}: ${escapeHtml(reason)}</li>`).join("")}</ul>` : ""}
<p>Research only. Not for clinical use.</p></main></body></html>
`;
}

function matrixPlot(matrix: ConfusionMatrix): string {
  const shares = rowNormalised(matrix),
    count = matrix.classes.length,
    label = 130,
    cell = size / count;
  const cells = shares
    .flatMap((row, truth) =>
      row.map((share, predicted) => {
        const x = label + predicted * cell,
          y = truth * cell;
        const title = `<title>${escapeHtml(matrix.classes[truth] ?? "")} taken for ${escapeHtml(matrix.classes[predicted] ?? "")}: ${matrix.counts[truth]?.[predicted] ?? 0}</title>`;
        return `<rect x="${x}" y="${y}" width="${cell}" height="${cell}" fill="hsl(212 70% ${97 - 62 * share}%)">${title}</rect><text x="${x + cell / 2}" y="${y + cell / 2 + 4}" text-anchor="middle" fill="${share > 0.5 ? "#fff" : "#1b1b1b"}">${(100 * share).toFixed(0)}</text>`;
      }),
    )
    .join("");
  const names = matrix.classes
    .map(
      (name, index) =>
        `<text x="${label - 6}" y="${(index + 0.5) * cell + 4}" text-anchor="end">${escapeHtml(shortened(name))}</text><text transform="translate(${label + (index + 0.5) * cell} ${size + 10}) rotate(35)">${escapeHtml(shortened(name))}</text>`,
    )
    .join("");
  return `<figure><figcaption>Confusion matrix, per cent of each true class (row)</figcaption><svg viewBox="0 0 ${label + size + 90} ${size + 110}" role="img" aria-label="Confusion matrix">${cells}${names}</svg></figure>`;
}

function rocPlot(classes: readonly string[], curves: readonly RocCurve[]): string {
  const lines = curves
    .map(({ points, area }, index) => {
      const colour = colours[index % colours.length] ?? "#333";
      const path = points
        .map(({ falsePositiveRate, truePositiveRate }) => `${at(falsePositiveRate)},${up(truePositiveRate)}`)
        .join(" ");
      const name = `${escapeHtml(shortened(classes[index] ?? ""))} ${Number.isNaN(area) ? "—" : area.toFixed(3)}`;
      return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/><text x="${at(0.42)}" y="${up(0.05 + 0.065 * (curves.length - 1 - index))}" fill="${colour}">${name}</text>`;
    })
    .join("");
  return `<figure><figcaption>ROC, one class against the rest, with its area</figcaption>${axes("false positive rate", "true positive rate", lines, "ROC curves")}</figure>`;
}

function calibrationPlot({ bins }: Calibration): string {
  const bars = bins
    .filter(({ count }) => count > 0)
    .map(
      ({ from, to, accuracy, confidence, count }) =>
        `<rect x="${at(from)}" y="${up(accuracy)}" width="${at(to) - at(from) - 1}" height="${up(0) - up(accuracy)}" fill="#8fb4dd"><title>${count} images: probability ${percent(confidence)}, right ${percent(accuracy)}</title></rect>`,
    )
    .join("");
  return `<figure><figcaption>Calibration: how often predictions of a probability are right</figcaption>${axes("probability", "share right", `${bars}<line x1="${at(0)}" y1="${up(0)}" x2="${at(1)}" y2="${up(1)}" stroke="#555" stroke-dasharray="4 4"/>`, "Reliability diagram")}</figure>`;
}

function axes(x: string, y: string, content: string, label: string): string {
  const ticks = [0, 0.5, 1]
    .map(
      (tick) =>
        `<text x="${at(tick)}" y="${up(0) + 16}" text-anchor="middle">${tick}</text><text x="${margin - 6}" y="${up(tick) + 4}" text-anchor="end">${tick}</text>`,
    )
    .join("");
  return `<svg viewBox="0 0 ${size + margin + 16} ${size + margin + 8}" role="img" aria-label="${label}"><rect x="${at(0)}" y="${up(1)}" width="${at(1) - at(0)}" height="${up(0) - up(1)}" fill="none" stroke="#999"/>${content}${ticks}<text x="${at(0.5)}" y="${up(0) + 34}" text-anchor="middle">${x}</text><text transform="translate(12 ${up(0.5)}) rotate(-90)" text-anchor="middle">${y}</text></svg>`;
}

const at = (share: number): number => Number((margin + share * size).toFixed(1));
const up = (share: number): number => Number((8 + (1 - share) * size).toFixed(1));

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function shortened(name: string): string {
  return name.length > 20 ? `${name.slice(0, 19)}…` : name;
}
