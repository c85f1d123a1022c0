import type { Summary } from "../../contract/summary";
import { classColourCount } from "../class-colours";
import { duration, figure, methodTitle, moment, percent, whole } from "../../html/figures";
import { html, type Markup } from "../../html/markup";

export function heading({ batch, createdAt, run, model, status, rejection, notes, attempts }: Summary): Markup {
  const state = { complete: "Complete", "complete-with-failures": "Complete, with failures", rejected: "Rejected" }[
    status
  ];
  return html`<header class="bar"><div class="bar-inner">
<p class="brand">Cytolens report</p>
<h1>${batch}</h1>
<p class="facts"><span>Status <b>${state}</b></span><span>Made <b>${moment(createdAt)}</b></span>
${model && html`<span>Model <b>${model.card.title}</b></span>`}${run && html`<span>Run <b>${run}</b></span>`}</p>
<p class="notice" role="note">${model?.card.intendedUse ?? "Research only. Not for clinical use."}</p>
${rejection && html`<p class="notice bad" role="note">Nothing was run: ${rejection.message} (${rejection.code})</p>`}
${[...notes, ...attempts.notes].map((note) => html`<p class="notice" role="note">${note}</p>`)}
</div></header>`;
}

export function totals({ counts, skippedBy, seconds }: Summary): Markup {
  const skipped = Object.entries(skippedBy)
    .map(([reason, count]) => `${whole(count)} ${reason.replace("-", " ")}`)
    .join(", ");
  const done = counts.succeeded + counts.failed;
  return html`<section aria-labelledby="totals"><h2 id="totals">Totals</h2><dl class="tiles">
${tile("Images planned", counts.planned, "")}
${tile("Succeeded", counts.succeeded, "good", counts.planned > 0 ? percent(counts.succeeded / counts.planned) : "")}
${tile("Failed", counts.failed, counts.failed > 0 ? "bad" : "")}
${tile("Skipped", counts.skipped, "", skipped)}
<div><dt>Time</dt><dd>${duration(seconds)}${seconds > 0 && done > 0 && html`<small>${figure(done / seconds)} images a second</small>`}</dd></div>
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
  const rows = all.filter((i) => all.some((j) => count(i, j) > 0));
  const columns = all.filter((j) => model?.card.classes.includes(classes[j] ?? "") || all.some((i) => count(i, j) > 0));
  const comparable = rows.some((i) => columns.includes(i));
  return html`<section class="panel wide" aria-labelledby="agreement"><h2 id="agreement">${comparable ? `Against the labels: ${percent(accuracy)} agree` : "Labels and predictions"}</h2>
<div class="scroll" tabindex="0" role="region" aria-label="Table of labels and predictions"><table class="matrix"><caption>Rows: label (folder). Columns: prediction. ${comparable ? "Outlined: agreement." : "No label is a class of the model, so none can agree."}</caption>
<thead><tr><td></td>${columns.map((j) => html`<th scope="col">${classes[j]}</th>`)}</tr></thead>
<tbody>${rows.map((i) => {
    const total = all.reduce((sum, j) => sum + count(i, j), 0);
    return html`<tr><th scope="row">${classes[i]}</th>${columns.map(
      (j) =>
        html`<td class="shade-${Math.round((10 * count(i, j)) / Math.max(1, total))}${i === j && " right"}">${whole(count(i, j))}</td>`,
    )}</tr>`;
  })}</tbody></table></div></section>`;
}

export function explanationQuality({ explanations }: Summary): Markup | null {
  if (explanations.length === 0) return null;
  return html`<section class="panel" aria-labelledby="quality"><h2 id="quality">How far the explanations can be trusted</h2>
<div class="scroll" tabindex="0" role="region" aria-label="Table of explanation quality"><table><thead><tr><th scope="col">Method</th><th scope="col" class="number">Images</th><th scope="col" class="number">Converged</th>
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
  )}</tbody></table></div>
<p class="help">Completeness error: how far the map's sum is from the change of the output that it explains, relative to that change.
Map change: how much the map still moved at the last refinement (relative L2). Converged: both were within tolerance. A dash: the method has no such property.</p></section>`;
}

export const colourClass = (classIndex: number): string => `class-${classIndex % classColourCount}`;
