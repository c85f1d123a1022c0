import { prefetch } from "../concurrency/prefetch";
import { engineVersion } from "../contract/engine-version";
import { incomingBatchPrefix, batchResultsPrefix } from "../contract/object-keys";
import { ImageError } from "../contract/errors";
import { signedMethods } from "../contract/methods";
import type { Outcome } from "../contract/outcome";
import type { Result } from "../contract/result";
import type { Summary } from "../contract/summary";
import { type Chosen, chooseImages, mostImages } from "./choose-images";
import { closing, failures, modelCardSection, settingsSection } from "./html/closing-sections";
import { type Card, imageCard } from "./html/image-cards";
import { imagesSection } from "./html/images-section";
import { html } from "../html/markup";
import { page } from "../html/page";
import { agreement, classCounts, explanationQuality, heading, totals } from "./html/opening-sections";
import { reportStyle } from "./html/report-style";
import { reportScript } from "./html/script";
import { mapLayer } from "./map-layer";

/** Where a report takes its content from; nothing is assumed about where that lies. */
export interface ReportSource {
  readonly summary: Summary;
  /** In key order, each image once. */
  rows(): AsyncIterable<{ readonly outcome: Outcome }>;
  /** Undefined when it is not there. */
  readResult(key: string): Promise<Result | undefined>;
  readBytes(key: string): Promise<Uint8Array | undefined>;
}

/** What the whole file may weigh, and what is kept back for everything but the pictures. */
export const largestReport = 10_000_000;
const keptBack = 400_000;
const textOfCard = 6_000;
const prefetchedCards = 8;

/** report.html: one self-contained file of at most 10 MB that opens from disk, whatever the size of the batch. */
export async function renderReport(source: ReportSource): Promise<string> {
  const { summary } = source;
  const choice = await chooseImages(source.rows(), mostImages);
  const { cards, withoutPictures } = await fillCards(source, choice.chosen);
  const classes = summary.model?.card.classes ?? [];
  const context = {
    resultsPrefix: batchResultsPrefix(summary.batch),
    incomingPrefix: incomingBatchPrefix(summary.batch),
    classes,
  };
  const methods = [...new Set(cards.flatMap(({ layers }) => layers.map(({ method }) => method)))];
  return page({
    kind: "Cytolens report",
    ...heading(summary),
    main: html`${totals(summary)}<div class="columns">${classCounts(summary)}${explanationQuality(summary)}${agreement(summary)}</div>
${imagesSection({
  cards: cards.map((card, i) => imageCard(card, i, context)),
  classes,
  methods,
  labelled: summary.agreement !== undefined,
  leftOut: choice.leftOut,
  withoutPictures,
})}
${failures(summary)}<div class="columns">${modelCardSection(summary)}${settingsSection(summary)}</div>`,
    footer: closing(summary),
    version: engineVersion,
    style: reportStyle,
    script: reportScript,
    skipTo: { id: "images", text: "Skip to the images" },
  });
}

async function fillCards(
  source: ReportSource,
  chosen: readonly Chosen[],
): Promise<{ cards: Card[]; withoutPictures: number }> {
  const cards: Card[] = [];
  let bytesLeft = largestReport - keptBack - chosen.length * textOfCard;
  let withoutPictures = 0;
  for await (const card of prefetch(chosen, prefetchedCards, (one) => fillCard(source, one))) {
    const weight = base64Length(card.thumbnail) + card.layers.reduce((sum, { png }) => sum + base64Length(png), 0);
    if (weight <= bytesLeft) {
      bytesLeft -= weight;
      cards.push(card);
    } else {
      withoutPictures++;
      cards.push({ ...card, thumbnail: undefined, layers: [] });
    }
  }
  return { cards, withoutPictures };
}

const base64Length = (bytes: Uint8Array | undefined): number => Math.ceil((bytes?.length ?? 0) / 3) * 4;

async function fillCard({ readResult, readBytes }: ReportSource, { outcome, reason }: Chosen): Promise<Card> {
  if (outcome.status !== "succeeded") return { outcome, reason, layers: [] };
  const result = await readResult(outcome.resultKey);
  if (!result) return { outcome, reason, layers: [] };
  const layers: { method: string; png: Uint8Array }[] = [];
  for (const { method, map } of result.explanations) {
    const npy = await readBytes(map);
    const png = npy && layerOrNothing(npy, signedMethods.has(method));
    if (png) layers.push({ method, png });
  }
  return { outcome, reason, result, thumbnail: await readBytes(result.thumbnail), layers };
}

/** A damaged map costs its layer, never the report. */
function layerOrNothing(npy: Uint8Array, signed: boolean): Uint8Array | undefined {
  try {
    return mapLayer(npy, signed);
  } catch (error) {
    if (error instanceof ImageError) return undefined;
    throw error;
  }
}
