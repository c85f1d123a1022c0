import type { Summary } from "../../contract/summary";
import { colourClass } from "../../html/class-colours";
import { duration, figure, methodTitle, moment, percent, whole } from "../../html/figures";
import { html, type Markup } from "../../html/markup";
import type { Page } from "../../html/page";
import { countMatrix, scrollable } from "../../html/tables";

/** What stands in the page's head. */
export function heading(summary: Summary): Pick<Page, "heading" | "facts" | "notices"> {
  const { batch, createdAt, run, model, status, rejection, notes, attempts } = summary;
  const state = { complete: "Complete", "complete-with-failures": "Complete, with failures", rejected: "Rejected" }[
    status
  ];
  return {
    heading: batch,
    facts: [
      ["Status", state],
      ["Made", moment(createdAt)],
      ...(model ? [["Model", model.card.title] as const] : []),
      ...(run ? [["Run", run] as const] : []),
    ],
    notices: [
      { text: model?.card.intendedUse ?? "Research only. Not for clinical use." },
      ...(rejection ? [{ text: `Nothing was run: ${rejection.message} (${rejection.code})`, bad: true }] : []),
      ...[...notes, ...attempts.notes].map((text) => ({ text })),
    ],
  };
}

export function totals({ counts, skippedBy, seconds, machineSeconds = 0 }: Summary): Markup {
  const skipped = Object.entries(skippedBy)
    .map(([reason, count]) => `${whole(count)} ${reason.replace("-", " ")}`)
    .join(", ");
  const done = counts.succeeded + counts.failed;
  return html`<section aria-labelledby="totals"><h2 id="totals">Totals</h2><dl class="tiles">
${tile("Images planned", counts.planned, "")}
${tile("Succeeded", counts.succeeded, "good", counts.planned > 0 ? percent(counts.succeeded / counts.planned) : "")}
${tile("Failed", counts.failed, counts.failed > 0 ? "bad" : "")}
${tile("Skipped", counts.skipped, "", skipped)}
<div><dt>Time</dt><dd>${duration(seconds)}${seconds > 0 && done > 0 && html`<small>${figure(done / seconds)} images a second</small>`}${machineSeconds > 0 && html`<small>${duration(machineSeconds)} of machines</small>`}</dd></div>
</dl></section>`;
}

const tile = (name: string, count: number, tone: string, note = ""): Markup =>
  html`<div class="${tone}"><dt>${name}</dt><dd>${whole(count)}${note && html`<small>${note}</small>`}</dd></div>`;

export function classCounts({ classCounts: counts, counts: { succeeded }, model }: Summary): Markup | null {
  if (succeeded === 0) return null;
  const known = model?.card.classes ?? [];
  const names = [...known, ...Object.keys(counts).filter((name) => !known.includes(name))];
  const most = Math.max(1, ...names.map((name) => counts[name] ?? 0));
  return html`<section class="panel" aria-labelledby="classes"><h2 id="classes">What the network says</h2>
<table class="classes"><caption>Images by predicted class</caption>
<thead><tr><th scope="col">Class</th><th scope="col" class="number">Images</th><th scope="col" class="number">Share</th><td class="chart"></td></tr></thead>
<tbody>${names.map((name, i) => {
    const count = counts[name] ?? 0;
    return html`<tr class="${colourClass(i)}"><th scope="row"><span class="dot" aria-hidden="true"></span>${name}</th>
<td class="number">${whole(count)}</td><td class="number">${percent(count / succeeded)}</td>
<td class="chart" aria-hidden="true"><svg viewBox="0 0 100 12" preserveAspectRatio="none" focusable="false"><rect class="back" width="100" height="12"/><rect class="fill" width="${((100 * count) / most).toFixed(2)}" height="12"/></svg></td></tr>`;
  })}</tbody></table></section>`;
}

/** Rows are the labels there were; columns the model's classes, and what else was predicted. */
export function agreement({ agreement: found, model }: Summary): Markup | null {
  if (!found) return null;
  const { classes, matrix, accuracy } = found;
  const count = (i: number, j: number): number => matrix[i]?.[j] ?? 0;
  const all = classes.map((_, i) => i);
  const named = (i: number): string => classes[i] ?? "";
  const rows = all.filter((i) => all.some((j) => count(i, j) > 0));
  const columns = all.filter((j) => model?.card.classes.includes(classes[j] ?? "") || all.some((i) => count(i, j) > 0));
  const comparable = rows.some((i) => columns.includes(i));
  return html`<section class="panel wide" aria-labelledby="agreement"><h2 id="agreement">${comparable ? `Against the labels: ${percent(accuracy)} agree` : "Labels and predictions"}</h2>
${countMatrix({
  label: "Table of labels and predictions",
  note: comparable ? "Outlined: agreement." : "No label is a class of the model, so none can agree.",
  rowTitle: "Label (folder)",
  columnTitle: "Prediction",
  rows: rows.map(named),
  columns: columns.map(named),
  counts: rows.map((i) => columns.map((j) => count(i, j))),
})}</section>`;
}

export function explanationQuality({ explanations }: Summary): Markup | null {
  if (explanations.length === 0) return null;
  return html`<section class="panel" aria-labelledby="quality"><h2 id="quality">How far the explanations can be trusted</h2>
${scrollable(
  "Table of explanation quality",
  html`<table><thead><tr><th scope="col">Method</th><th scope="col" class="number">Images</th><th scope="col" class="number">Converged</th>
<th scope="col" class="number">Median completeness error</th><th scope="col" class="number">Median map change</th></tr></thead>
<tbody>${explanations.map(
    ({
      method,
      count,
      converged,
      medianRelative,
      medianMapChange,
    }) => html`<tr><th scope="row">${methodTitle(method)}</th>
<td class="number">${whole(count)}</td><td class="number">${converged === null ? "–" : `${whole(converged)} of ${whole(count)}`}</td>
<td class="number">${figure(medianRelative)}</td><td class="number">${figure(medianMapChange)}</td></tr>`,
  )}</tbody></table>`,
)}
<p class="help">Completeness error: how far the map's sum is from the change of the output that it explains, relative to that change.
Map change: how much the map still moved at the last refinement (relative L2). Converged: both were within tolerance. A dash: the method has no such property.</p></section>`;
}
