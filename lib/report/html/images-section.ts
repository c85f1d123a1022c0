import { mostImages } from "../choose-images";
import { methodTitle, whole } from "../../html/figures";
import { html, type Markup } from "../../html/markup";

export interface ImagesFacts {
  readonly cards: readonly Markup[];
  readonly classes: readonly string[];
  readonly methods: readonly string[];
  readonly labelled: boolean;
  /** Images that succeeded or failed and have no card. */
  readonly leftOut: number;
  /** Cards whose pictures did not fit. */
  readonly withoutPictures: number;
}

/** The grid with its tools, and the dialog that shows one image large. */
export function imagesSection({ cards, classes, methods, labelled, leftOut, withoutPictures }: ImagesFacts): Markup {
  if (cards.length === 0)
    return html`<section id="images" aria-labelledby="images-title"><h2 id="images-title">Images</h2><p class="panel">No image was classified.</p></section>`;
  return html`<section id="images" aria-labelledby="images-title"><h2 id="images-title">Images</h2>
${whatIsLeftOut(cards.length, leftOut, withoutPictures)}
<div class="tools" role="search" aria-label="Images">
<div class="field grow"><label for="search">Search names, classes and reasons</label><input type="search" id="search" autocomplete="off"></div>
${choice("status", "Show", [["all", "All"], ["succeeded", "Succeeded"], ["failed", "Failed"], ["open", "Not converged"], ["warned", "With warnings"], ...(labelled ? [["wrong", "Label differs"] as const] : [])])}
${choice("class", "Class", [["all", "All classes"], ...classes.map((name, i) => [i, name] as const)])}
${choice("order", "Sort by", [
  ["name", "Name"],
  ["uncertain", "Least certain first"],
  ["certain", "Most certain first"],
  ["incomplete", "Least complete first"],
  ["class", "Class"],
])}
${methods.length > 0 && overlayTools(methods, "grid")}
<p class="shown" id="shown" role="status">${whole(cards.length)} images</p>
</div>
<ul class="grid" id="grid">
${cards}
</ul>
<dialog id="details" aria-labelledby="details-title"><div class="dialog-head"><h2 id="details-title">Details</h2><button type="button" id="details-close">Close</button></div>
<div class="dialog-body"><div><div id="details-picture"></div><div id="details-tools">${overlayTools(methods, "details")}</div></div>
<div class="more" id="details-more"></div></div></dialog></section>`;
}

/** Which map lies over the pictures, and how strongly; the grid and the dialog each have these and keep in step. */
function overlayTools(methods: readonly string[], place: "grid" | "details"): Markup {
  const where = place === "details" ? " in details" : "";
  return html`<div class="field"><label for="${place}-method">Explanation</label><select class="method" id="${place}-method" aria-label="Explanation${where}">${methods.map((method) => option(method, methodTitle(method)))}${option("none", "None")}</select></div>
<div class="field"><label for="${place}-opacity">Overlay</label><span class="slider"><input type="range" class="opacity" id="${place}-opacity" min="0" max="100" step="5" value="70" aria-label="Overlay opacity${where}"><span class="opacity-value" aria-hidden="true">70 %</span></span></div>`;
}

function choice(
  id: string,
  label: string,
  options: readonly (readonly [value: string | number, text: string])[],
): Markup {
  return html`<div class="field"><label for="${id}">${label}</label><select id="${id}">${options.map(([value, text]) => option(value, text))}</select></div>`;
}

const option = (value: string | number, text: string): Markup => html`<option value="${value}">${text}</option>`;

function whatIsLeftOut(shown: number, leftOut: number, withoutPictures: number): Markup | null {
  if (leftOut === 0 && withoutPictures === 0) return null;
  return html`<p class="panel">${leftOut > 0 && `This report shows ${whole(shown)} of ${whole(shown + leftOut)} images, at most ${mostImages}: failures, the least certain, the least complete, and a random sample. ${whole(leftOut)} are left out. `}
${withoutPictures > 0 && `${whole(withoutPictures)} are shown without their picture to keep this file below 10 MB. `}The table results.csv has every image.</p>`;
}
