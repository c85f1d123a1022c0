import { signedMethods } from "../../contract/methods";
import type { Outcome } from "../../contract/outcome";
import type { Explanation, Result } from "../../contract/result";
import type { Reason } from "../choose-images";
import { incompleteness } from "../choose-images";
import { colourClass } from "../../html/class-colours";
import { figure, methodTitle, probability } from "../../html/figures";
import { html, Markup, visible } from "../../html/markup";

/** One image as the grid shows it. */
export interface Card {
  readonly outcome: Outcome;
  readonly reason: Reason;
  /** Absent for failures, and where the result could not be read. */
  readonly result?: Result | undefined;
  /** JPEG, at most 10 kB. */
  readonly thumbnail?: Uint8Array | undefined;
  /** PNGs of the same part of the image. */
  readonly layers: readonly { readonly method: string; readonly png: Uint8Array }[];
}

export interface CardContext {
  /** What keys of this batch's results begin with: links to the files are relative to the report. */
  readonly resultsPrefix: string;
  readonly incomingPrefix: string;
  /** The model's classes by index. */
  readonly classes: readonly string[];
}

type Succeeded = Extract<Outcome, { status: "succeeded" }>;

export function imageCard(card: Card, position: number, context: CardContext): Markup {
  const { outcome } = card;
  const name = outcome.key.startsWith(context.incomingPrefix)
    ? outcome.key.slice(context.incomingPrefix.length)
    : outcome.key;
  const succeeded = outcome.status === "succeeded" ? outcome : undefined;
  return html`<li class="card ${succeeded && colourClass(succeeded.classIndex)}" data-position="${position}" data-status="${outcome.status}"
 data-class="${succeeded?.classIndex ?? -1}" data-probability="${succeeded?.probability ?? -1}" data-incomplete="${incompleteness(outcome)}"
 data-converged="${succeeded?.explanations.some(({ converged }) => converged === false) ? "no" : "yes"}"
 data-warned="${notable(outcome).length > 0 ? "yes" : "no"}" data-agrees="${agrees(outcome, context) === false ? "no" : "yes"}"
 data-text="${searchable(outcome, name)}">
${picture(card, name)}
<div class="words">${succeeded ? classLine(succeeded) : failureLine(outcome)}
${badges(card, context)}
<p class="file" title="${name}"><bdi>${name}</bdi></p>
<button type="button" class="open" aria-label="Details of ${name}">Details</button></div>
<div class="more">${succeeded ? details(card, succeeded, context) : failureDetails(outcome)}</div></li>`;
}

function searchable(outcome: Outcome, name: string): string {
  const words =
    outcome.status === "succeeded"
      ? outcome.className
      : outcome.status === "failed"
        ? `${outcome.failure.code} ${outcome.failure.message}`
        : outcome.reason;
  return `${visible(name)} ${words} ${outcome.label ?? ""}`.toLowerCase();
}

function picture({ outcome, thumbnail, layers }: Card, name: string): Markup {
  if (outcome.status === "failed")
    return html`<div class="picture"><p class="bad"><b>Failed</b>${outcome.failure.message}</p></div>`;
  if (!thumbnail)
    return html`<div class="picture"><p>No picture in this report; see the files of this image.</p></div>`;
  return html`<div class="picture"><img loading="lazy" src="${data("image/jpeg", thumbnail)}" alt="${name}">
${layers.map(({ method, png }) => html`<img class="layer" loading="lazy" data-method="${method}" src="${data("image/png", png)}" alt="${methodTitle(method)} of the image">`)}</div>`;
}

const data = (type: string, bytes: Uint8Array): Markup =>
  new Markup(`data:${type};base64,${Buffer.from(bytes).toString("base64")}`);

function classLine({ className, probability: value }: Succeeded): Markup {
  return html`<h3><span class="name"><span class="dot" aria-hidden="true"></span>${className}</span><span class="probability">${probability(value)}</span></h3>`;
}

function failureLine(outcome: Outcome): Markup {
  return html`<h3><span class="name">${outcome.status === "failed" ? outcome.failure.code : outcome.status}</span></h3>`;
}

function badges({ outcome, reason }: Card, context: CardContext): Markup | null {
  const succeeded = outcome.status === "succeeded" ? outcome : undefined;
  const warnings = notable(outcome);
  const found = [
    succeeded?.explanations.some(({ converged }) => converged === false) &&
      html`<span class="badge warn">not converged</span>`,
    warnings.length > 0 &&
      html`<span class="badge warn">${warnings.length === 1 ? "1 warning" : `${warnings.length} warnings`}</span>`,
    outcome.label !== undefined && labelBadge(outcome.label, agrees(outcome, context)),
    (reason === "least certain" || reason === "least complete") && html`<span class="badge">${reason}</span>`,
  ].filter((badge) => badge instanceof Markup);
  return found.length > 0 ? html`<p class="badges">${found}</p>` : null;
}

/** Most files state no resolution: that is told among an image's details, and marks none out. */
const commonplace = "mpp unknown";

function notable(outcome: Outcome): readonly string[] {
  return outcome.status === "succeeded" ? outcome.warnings.filter((warning) => warning !== commonplace) : [];
}

function labelBadge(label: string, agreed: boolean | undefined): Markup {
  return agreed
    ? html`<span class="badge good">label agrees</span>`
    : html`<span class="badge ${agreed === false && "bad"}">label: ${label}</span>`;
}

/** Undefined where there is no prediction to compare with a label, or the label is no class of the model. */
function agrees(outcome: Outcome, { classes }: CardContext): boolean | undefined {
  if (outcome.status !== "succeeded" || outcome.label === undefined || !classes.includes(outcome.label))
    return undefined;
  return outcome.label === outcome.className;
}

function failureDetails(outcome: Outcome): Markup {
  const failure = outcome.status === "failed" ? outcome.failure : undefined;
  return html`<dl class="pairs"><dt>Reason</dt><dd>${failure?.message}</dd><dt>Code</dt><dd><code>${failure?.code}</code></dd><dt>Key</dt><dd><code>${outcome.key}</code></dd></dl>`;
}

function details({ result }: Card, outcome: Succeeded, { resultsPrefix, classes }: CardContext): Markup {
  if (!result) return html`<p>The result of this image could not be read.</p>`;
  const { image, prediction, explanations, seen, provider, settings, model } = result;
  const warnings = notable(outcome);
  const link = (key: string, text: string): Markup | false =>
    key.startsWith(resultsPrefix) && html`<a href="${relative(key.slice(resultsPrefix.length))}">${text}</a>`;
  const order = prediction.probabilities
    .map((_, i) => i)
    .sort((a, b) => (prediction.probabilities[b] ?? 0) - (prediction.probabilities[a] ?? 0))
    .slice(0, 10);
  return html`${warnings.length > 0 && html`<div><h3>Warnings</h3>${warnings.map((warning) => html`<p class="badge warn">${warning}</p>`)}</div>`}
<div><h3>Prediction</h3><table><thead><tr><th scope="col">Class</th><th scope="col" class="number">Probability</th><th scope="col" class="number">Logit</th></tr></thead>
<tbody>${order.map(
    (
      i,
    ) => html`<tr class="${colourClass(i)}"><th scope="row"><span class="dot" aria-hidden="true"></span>${i === prediction.classIndex ? prediction.className : (classes[i] ?? `class ${i}`)}</th>
<td class="number">${probability(prediction.probabilities[i] ?? 0)}</td><td class="number">${figure(prediction.logits[i])}</td></tr>`,
  )}</tbody></table></div>
${explanations.map((explanation) => explanationDetails(explanation, link))}
<div><h3>Image</h3><dl class="pairs"><dt>Key</dt><dd><code>${image.key}</code></dd><dt>Size</dt><dd>${image.width} × ${image.height} pixels, ${image.format}</dd>
<dt>Seen</dt><dd>${seen.width} × ${seen.height} at (${seen.left}, ${seen.top})</dd>${image.label !== undefined && html`<dt>Label</dt><dd>${image.label}</dd>`}
${outcome.warnings.includes(commonplace) && html`<dt>Resolution</dt><dd>the file states none</dd>`}
<dt>SHA-256</dt><dd><code>${image.sha256}</code></dd><dt>Model</dt><dd>${model.name}, run on ${provider}${settings.mask === "otsu" && ", Otsu mask"}</dd></dl>
<p class="links">${link(outcome.resultKey, "result.json")}${result.figure && link(result.figure, "figure")}</p></div>`;
}

function explanationDetails(
  { method, target, completeness, heatmap, overlay, map }: Explanation,
  link: (key: string, text: string) => Markup | false,
): Markup {
  const { converged, delta, relative: error, mapChange, passes } = completeness;
  const verdict =
    converged === null
      ? null
      : converged
        ? html`<span class="badge good">converged</span>`
        : html`<span class="badge warn">not converged</span>`;
  return html`<div><h3>${methodTitle(method)} ${verdict}</h3><dl class="pairs"><dt>Explains</dt><dd>${target.of} of ${target.className}</dd>
${
  delta === null && mapChange === null
    ? html`<dt>Completeness</dt><dd>not a property of this method</dd>`
    : html`<dt>Completeness error</dt><dd>${figure(delta)}${error !== null && ` (relative ${figure(error)})`}</dd><dt>Map change</dt><dd>${figure(mapChange)}</dd>`
}
<dt>Passes</dt><dd>${passes}</dd><dt>Colours</dt><dd>${signedMethods.has(method) ? "vermilion speaks for the class, blue against it" : "dark to light: little to much"}</dd></dl>
<p class="links">${link(heatmap, "heatmap")}${link(overlay, "overlay")}${link(map, "raw map (.npy)")}</p></div>`;
}

const relative = (path: string): string => path.split("/").map(encodeURIComponent).join("/");
