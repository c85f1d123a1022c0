import type { Summary } from "../../contract/summary";
import { figure, percent, whole } from "../../html/figures";
import { html, type Markup } from "../../html/markup";

const mostFailureRows = 200;

export function failures({ failures: found, failuresLeftOut, counts }: Summary): Markup | null {
  if (counts.failed === 0) return null;
  const shown = found.slice(0, mostFailureRows);
  const more = found.length - shown.length + failuresLeftOut;
  return html`<section class="panel" aria-labelledby="failures"><h2 id="failures">Failures</h2>
<table><caption>${whole(shown.length)} of ${whole(counts.failed)} failed images${more > 0 && "; the others are in results.csv"}</caption>
<thead><tr><th scope="col">Image</th><th scope="col">Reason</th><th scope="col">Code</th></tr></thead>
<tbody>${shown.map(({ key, failure }) => html`<tr><th scope="row"><bdi>${key}</bdi></th><td>${failure.message}</td><td><code>${failure.code}</code></td></tr>`)}</tbody></table></section>`;
}

export function modelCardSection({ model }: Summary): Markup | null {
  if (!model) return null;
  const { card, sha256 } = model;
  return html`<section class="panel" aria-labelledby="model"><h2 id="model">Model card</h2>
<dl class="pairs">${pair("Title", card.title)}${pair("Name", card.name)}${pair("Network", card.network)}<dt>SHA-256</dt><dd><code>${sha256}</code></dd>
${pair("Classes", card.classes.join(", "))}${pair("Input", `${card.input.width} × ${card.input.height} pixels, ${card.input.channels}`)}
${pair("Data", card.data.description)}${pair("Split", card.data.split)}${pair("Licence of the data", card.data.licence)}${pair("Recipe", card.training?.recipe)}
${Object.entries(card.metrics).map(([name, value]) => pair(metricTitle(name), /accuracy|precision|recall|f1|auc|kappa/i.test(name) && value <= 1 ? `${figure(value)} (${percent(value)})` : figure(value)))}
${pair("Measured on", card.evaluatedOn)}${card.limits.length > 0 && html`<dt>Limits</dt><dd>${card.limits.map((limit) => html`${limit}<br>`)}</dd>`}
${pair("Intended use", card.intendedUse)}</dl></section>`;
}

/** macroF1 → Macro f1, expected_calibration → Expected calibration */
function metricTitle(name: string): string {
  const words = name
    .replaceAll(/[_-]+/g, " ")
    .replaceAll(/(\p{Ll})(\p{Lu})/gu, "$1 $2")
    .toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

const pair = (name: string, value: string | undefined): Markup | null =>
  value ? html`<dt>${name}</dt><dd>${value}</dd>` : null;

export function settingsSection({ settings }: Summary): Markup {
  return html`<section class="panel" aria-labelledby="settings"><h2 id="settings">Settings</h2><pre>${JSON.stringify(
    settings,
    null,
    2,
  )
    .split("\n")
    .map(
      (line) => html`${line}
`,
    )}</pre></section>`;
}

export function closing({ runs }: Summary): Markup {
  return html`<p>${runs.length > 1 && `Union of ${runs.length} runs, newest first: ${runs.map(({ run }) => run).join(", ")}. `}Files beside this report: results.csv (every image), summary.json, images/ (results, heatmaps, overlays, raw maps).</p>`;
}
