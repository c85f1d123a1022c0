import { engineVersion } from "../contract/engine-version";
import { percent, whole } from "../html/figures";
import { html, type Markup } from "../html/markup";
import { page } from "../html/page";
import { scrollable } from "../html/tables";
import { paperFigure, type StudyReport, type StudyResult } from "./study-table";

/** The results beside the study's own figures, as a page; on other images nobody can take one for the other. */
export function studyPage(report: StudyReport): string {
  const { preset, size, epochs, results, figures } = report;
  const warning = warningOf(report);
  return page({
    kind: "Cytolens study",
    heading: headingOf(report),
    facts: [
      ["Preset", preset],
      ["Images", `${size} × ${size} pixels`],
      ["Epochs", epochs],
    ],
    notices: [...(warning === undefined ? [] : [warning]), ...leaksOf(results)].map((text) => ({ text })),
    main: html`<section class="panel" aria-labelledby="results"><h2 id="results">Results</h2>${scrollable("Table of results", resultsTable(report, results))}
<p class="help">On the test part of the study's split, with 95 % Wilson intervals. “generalisation”: the network trained on cropped cells gets a new head,
which with the rest is trained on one tenth of another set and tested on the other nine.</p></section>
${figures.length > 0 && html`<section aria-labelledby="explanations"><h2 id="explanations">Explanations</h2><div class="figures">${figures.map(drawing)}</div></section>`}`,
    version: engineVersion,
    style: figuresStyle,
    pictures: "beside",
  });
}

const figuresStyle = `
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(480px,100%),1fr));gap:20px}
.figures figure{margin:0;min-width:0}.figures img{display:block;max-width:100%;height:auto}.figures figcaption{margin-top:8px}
`;

function headingOf({ phantom, sipakmed, data }: StudyReport): string {
  if (phantom) return "The study's experiments, on phantoms";
  return sipakmed ? "The study's experiments" : `The study's experiments, on ${data}`;
}

function warningOf({ phantom, sipakmed, data }: StudyReport): Markup | undefined {
  const notToCompare =
    "The last column is what the paper reports on SIPaKMeD, for orientation only; the two columns must not be compared.";
  if (phantom)
    return html`These are phantoms: synthetic images that this program drew, not SIPaKMeD. The accuracies say that the trainer works, and nothing about real cells. ${notToCompare}`;
  return sipakmed ? undefined : html`These images are ${data}, not SIPaKMeD. ${notToCompare}`;
}

/** Once for each set of images: its networks are tested on the same part. */
function leaksOf(results: readonly StudyResult[]): string[] {
  return [...new Set(results.flatMap(({ variant, leakage }) => (leakage ? [`${variant}: ${leakage}`] : [])))];
}

function resultsTable({ phantom, sipakmed, data }: StudyReport, results: readonly StudyResult[]): Markup {
  const here = phantom ? "Phantoms (synthetic), top-1" : sipakmed ? "Here, top-1" : `${data}, top-1`;
  return html`<table><thead><tr><th scope="col">Network of the study</th><th scope="col">Trained here</th><th scope="col">Images</th>
<th scope="col" class="number">${here}</th><th scope="col" class="number">95 % interval</th><th scope="col" class="number">Test images</th><th scope="col" class="number">Macro F1</th><th scope="col" class="number">Paper, SIPaKMeD</th></tr></thead><tbody>
${results.map(({ network, trained, variant, accuracy, low, high, testImages, macroF1 }) => {
  const paper = paperFigure(network, variant);
  return html`<tr><th scope="row">${network}</th><td>${trained}</td><td>${variant}</td><td class="number">${percent(accuracy, 2)}</td><td class="number">${percent(low, 2)} to ${percent(high, 2)}</td>
<td class="number">${whole(testImages)}</td><td class="number">${percent(macroF1, 2)}</td><td class="number">${paper === undefined ? "–" : percent(paper / 100, 2)}</td></tr>`;
})}</tbody></table>`;
}

function drawing({ file, caption }: StudyReport["figures"][number]): Markup {
  return html`<figure class="panel"><img src="${encodeURI(file)}" alt="${caption}"><figcaption>${caption}</figcaption></figure>`;
}
