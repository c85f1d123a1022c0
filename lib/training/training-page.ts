import { engineVersion } from "../contract/engine-version";
import { type Axis, axis, axisFromZero } from "../html/axis";
import { duration, figure, percent } from "../html/figures";
import { html, type Markup } from "../html/markup";
import { page } from "../html/page";
import { plot, type PlotLayer } from "../html/plot";
import type { EpochRecord } from "./checkpoint";
import { leakageText, type Leakage } from "./leakage";

/** Seconds after which a live page loads itself again. */
const refreshSeconds = 5;

/** The page a browser shows of a run, self-contained; while the run is `live` it loads itself again every five seconds. */
export function trainingPage(
  title: string,
  history: readonly EpochRecord[],
  epochs: number,
  live: boolean,
  leakage?: Leakage | undefined,
): string {
  const known = leakage && leakageText(leakage);
  const best = bestOf(history);
  return page({
    kind: "Cytolens training",
    heading: title,
    facts: [
      ["Epoch", `${history.length} of ${epochs}`],
      ...(best
        ? [
            ["Best validation accuracy", `${percent(best.validationAccuracy, 2)}, epoch ${best.epoch}`] as const,
            ["Time", duration(history.reduce((sum, { seconds }) => sum + seconds, 0))] as const,
          ]
        : []),
    ],
    notices: [...(live ? ["The run goes on; this page follows it."] : []), ...(known === undefined ? [] : [known])].map(
      (text) => ({ text }),
    ),
    main: best
      ? html`<div class="plots">${chart("Loss", history, epochs, best, figure, [
          ["training", history.map(({ loss }) => loss)],
          ["validation", history.map(({ validationLoss }) => validationLoss)],
        ])}${chart("Accuracy", history, epochs, best, (value) => percent(value, 2), [
          ["training", history.map(({ trainAccuracy }) => trainAccuracy)],
          ["validation", history.map(({ validationAccuracy }) => validationAccuracy)],
        ])}</div><p class="help">The dashed line marks the epoch with the best validation accuracy, whose weights are kept.</p>`
      : html`<section class="panel"><p>No epoch has ended yet.</p></section>`,
    version: engineVersion,
    refreshSeconds: live ? refreshSeconds : undefined,
  });
}

/** The epoch of the best validation accuracy, of equals that of the least loss. */
function bestOf(history: readonly EpochRecord[]): EpochRecord | undefined {
  return history.reduce<EpochRecord | undefined>(
    (found, record) =>
      !found ||
      record.validationAccuracy > found.validationAccuracy ||
      (record.validationAccuracy === found.validationAccuracy && record.validationLoss < found.validationLoss)
        ? record
        : found,
    undefined,
  );
}

function chart(
  title: "Loss" | "Accuracy",
  history: readonly EpochRecord[],
  epochs: number,
  best: EpochRecord,
  said: (value: number) => string,
  series: readonly (readonly [name: string, values: readonly number[]])[],
): Markup {
  const y: Axis =
    title === "Accuracy"
      ? axis(title, 0, 1)
      : axisFromZero(
          title,
          series.flatMap(([, values]) => values),
        );
  const layers = series.map(([name, values], colour): PlotLayer => ({
    kind: "line",
    name,
    colour,
    points: values.map((value, index) => ({
      x: history[index]?.epoch ?? Number.NaN,
      y: value,
      note: `Epoch ${history[index]?.epoch}: ${name} ${said(value)}`,
    })),
  }));
  return plot({
    caption: `${title} by epoch`,
    summary: `${title} by epoch: ${series.map(([name, values]) => `${name} ${said(values.at(-1) ?? Number.NaN)}`).join(", ")}`,
    x: axis(`Epoch (of ${epochs})`, 1, epochs, { whole: true }),
    y,
    layers: [{ kind: "guide", from: { x: best.epoch, y: y.from }, to: { x: best.epoch, y: y.to } }, ...layers],
  });
}
