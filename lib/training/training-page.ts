import { escapeHtml } from "../html/markup";
import type { EpochRecord } from "./checkpoint";

const width = 640,
  height = 260,
  margin = { left: 48, right: 16, top: 16, bottom: 32 };

interface Series {
  readonly name: string;
  readonly colour: string;
  readonly values: readonly number[];
}

/** The page a browser shows of a run, self-contained; while the run is `live` it loads itself again every five seconds. */
export function trainingPage(title: string, history: readonly EpochRecord[], epochs: number, live: boolean): string {
  const best = history.reduce<EpochRecord | undefined>(
    (found, record) =>
      !found ||
      record.validationAccuracy > found.validationAccuracy ||
      (record.validationAccuracy === found.validationAccuracy && record.validationLoss < found.validationLoss)
        ? record
        : found,
    undefined,
  );
  const heading = escapeHtml(title);
  const summary = best
    ? `Epoch ${history.length} of ${epochs}. Best validation accuracy ${(100 * best.validationAccuracy).toFixed(2)} % in epoch ${best.epoch}.`
    : "No epoch has ended yet.";
  const losses = chart("Loss", epochs, [
    { name: "training", colour: "#1f5fa8", values: history.map(({ loss }) => loss) },
    { name: "validation", colour: "#b3470f", values: history.map(({ validationLoss }) => validationLoss) },
  ]);
  const accuracies = chart(
    "Accuracy",
    epochs,
    [
      { name: "training", colour: "#1f5fa8", values: history.map(({ trainAccuracy }) => trainAccuracy) },
      { name: "validation", colour: "#b3470f", values: history.map(({ validationAccuracy }) => validationAccuracy) },
    ],
    1,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">${live ? '<meta http-equiv="refresh" content="5">' : ""}
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${heading}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;background:#fff}svg{width:100%;height:auto}h1{font-size:1.4rem}h2{font-size:1.1rem}text{font-size:12px;fill:#333}</style>
</head><body><main><h1>${heading}</h1><p>${summary}${live ? " The run goes on; this page follows it." : ""}</p>${losses}${accuracies}</main></body></html>
`;
}

function chart(title: string, epochs: number, series: readonly Series[], fixedTop?: number): string {
  const finite = series.flatMap(({ values }) => values).filter(Number.isFinite);
  const top = fixedTop ?? Math.max(1e-6, ...finite) * 1.05;
  const x = (epoch: number) =>
    margin.left + ((epoch - 1) / Math.max(1, epochs - 1)) * (width - margin.left - margin.right);
  const y = (value: number) => height - margin.bottom - (value / top) * (height - margin.top - margin.bottom);
  const ticks = [0, 0.25, 0.5, 0.75, 1]
    .map((share) => {
      const value = share * top;
      return `<line x1="${margin.left}" x2="${width - margin.right}" y1="${y(value)}" y2="${y(value)}" stroke="#ddd"/><text x="${margin.left - 6}" y="${y(value) + 4}" text-anchor="end">${value.toFixed(2)}</text>`;
    })
    .join("");
  const lines = series
    .map(({ name, colour, values }, index) => {
      const points = values
        .map((value, at) => `${x(at + 1).toFixed(1)},${y(Math.min(value, top)).toFixed(1)}`)
        .join(" ");
      const legendX = width - margin.right - 180 + index * 90;
      return `<polyline points="${points}" fill="none" stroke="${colour}" stroke-width="2"/><rect x="${legendX}" y="2" width="10" height="10" fill="${colour}"/><text x="${legendX + 14}" y="12">${name}</text>`;
    })
    .join("");
  const label = `${title} by epoch: ${series.map(({ name, values }) => `${name} ${values.at(-1)?.toFixed(3) ?? "none yet"}`).join(", ")}`;
  return `<h2>${title}</h2><svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}">${ticks}<text x="${width / 2}" y="${height - 6}" text-anchor="middle">epoch (of ${epochs})</text>${lines}</svg>`;
}
