import { escapeHtml } from "../html/markup";

/** The networks and image sets of the study, and what it reports for them: top-1 accuracy on the test part, per cent. */
export const studyFigures: readonly {
  readonly network: StudyNetwork;
  readonly variant: StudyVariant;
  readonly top1: number;
}[] = [
  { network: "resnet50", variant: "full", top1: 85.15 },
  { network: "resnet50", variant: "cropped", top1: 95.11 },
  { network: "resnet50", variant: "masked", top1: 86.13 },
  { network: "ran92", variant: "full", top1: 84.16 },
  { network: "densenet121", variant: "full", top1: 89.11 },
  { network: "densenet121", variant: "cropped", top1: 95.84 },
  { network: "densenet121", variant: "masked", top1: 90.1 },
  { network: "densenet121-rca", variant: "full", top1: 91.09 },
  { network: "densenet121-rca", variant: "cropped", top1: 96.33 },
  { network: "densenet121-rca", variant: "masked", top1: 87.13 },
];
/** ResNet50 trained on cropped cells, on the smear set. */
export const studyGeneralisationTop1 = 57.61;

export const studyNetworks = ["resnet50", "ran92", "densenet121", "densenet121-rca"] as const;
export const studyVariants = ["full", "cropped", "masked"] as const;
export type StudyNetwork = (typeof studyNetworks)[number];
export type StudyVariant = (typeof studyVariants)[number];

export interface StudyResult {
  readonly network: StudyNetwork;
  /** The catalogue's network that was trained in its place. */
  readonly trained: string;
  readonly variant: StudyVariant | "generalisation";
  readonly accuracy: number;
  readonly low: number;
  readonly high: number;
  readonly macroF1: number;
  readonly testImages: number;
  readonly minutes: number;
}

export interface StudyReport {
  readonly phantom: boolean;
  /** Whether the images are SIPaKMeD's, by the layout of their folder. */
  readonly sipakmed: boolean;
  readonly preset: string;
  readonly data: string;
  readonly size: number;
  readonly epochs: number;
  readonly results: readonly StudyResult[];
  /** File names of the explanation figures, beside the page. */
  readonly figures: readonly { readonly file: string; readonly caption: string }[];
}

export function paperFigure(network: StudyNetwork, variant: StudyResult["variant"]): number | undefined {
  if (variant === "generalisation") return network === "resnet50" ? studyGeneralisationTop1 : undefined;
  return studyFigures.find((figure) => figure.network === network && figure.variant === variant)?.top1;
}

/** The results beside the study's own figures, as a page; on other images nobody can take one for the other. */
export function studyPage(report: StudyReport): string {
  const { phantom, sipakmed, preset, size, epochs, results, figures } = report;
  const data = escapeHtml(report.data);
  const here = phantom ? "Phantoms (synthetic), top-1" : sipakmed ? "Here, top-1" : `${data}, top-1`;
  const rows = results
    .map((result) => {
      const paper = paperFigure(result.network, result.variant);
      return `<tr><th scope="row">${result.network}</th><td>${escapeHtml(result.trained)}</td><td>${result.variant}</td><td>${percent(result.accuracy)} (${percent(result.low)} to ${percent(result.high)})</td><td>${result.testImages}</td><td>${percent(result.macroF1)}</td><td class="paper">${paper === undefined ? "—" : `${paper.toFixed(2)} %`}</td></tr>`;
    })
    .join("\n");
  const warning = phantom
    ? `<p class="warning"><strong>These are phantoms: synthetic images that this program drew, not SIPaKMeD.</strong> The accuracies say that the trainer works, and nothing about real cells. The last column is what the paper reports on SIPaKMeD, for orientation only; the two columns must not be compared.</p>`
    : sipakmed
      ? ""
      : `<p class="warning"><strong>These images are ${data}, not SIPaKMeD.</strong> The last column is what the paper reports on SIPaKMeD, for orientation only; the two columns must not be compared.</p>`;
  const title = phantom
    ? "The study's experiments, on phantoms"
    : sipakmed
      ? "The study's experiments"
      : `The study's experiments, on ${data}`;
  const pictures = figures
    .map(
      ({ file, caption }) =>
        `<figure><img src="${encodeURI(file)}" alt="${escapeHtml(caption)}"><figcaption>${escapeHtml(caption)}</figcaption></figure>`,
    )
    .join("\n");
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src 'self' file: data:">
<title>${title}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:68rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;background:#fff}table{border-collapse:collapse;margin:1rem 0}th,td{padding:.3rem .8rem;text-align:right;border-bottom:1px solid #ddd}th[scope=row]{text-align:left}.warning{border-left:.4rem solid #b3470f;padding:.5rem 1rem;background:#fdf1ea}.paper{color:#555}figure{margin:1.5rem 0}img{max-width:100%}</style>
</head><body><main><h1>${title}</h1>
${warning}<p>Preset ${escapeHtml(preset)}: ${size} × ${size} pixels, ${epochs} epochs, the study's split (test part), 95 % Wilson intervals.</p>
<table><thead><tr><th scope="col">network of the study</th><th scope="col">trained here</th><th scope="col">images</th><th scope="col">${here}</th><th scope="col">test images</th><th scope="col">macro F1</th><th scope="col">paper, SIPaKMeD</th></tr></thead><tbody>
${rows}
</tbody></table>
<p>“generalisation”: the network trained on cropped cells gets a new head, which with the rest is trained on one tenth of another set and tested on the other nine.</p>
${pictures ? `<h2>Explanations</h2>\n${pictures}` : ""}
<p>Research only. Not for clinical use.</p></main></body></html>
`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}
