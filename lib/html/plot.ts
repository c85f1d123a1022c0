import { type Axis, placeOn } from "./axis";
import { classColourCount, colourClass } from "./class-colours";
import { type Content, html, type Markup } from "./markup";

interface PlotPoint {
  readonly x: number;
  readonly y: number;
  /** What the pointer is told there; the point is marked with a dot. */
  readonly note?: string | undefined;
}

/** Colours are those of the classes, by index. What has a name is in the legend. */
export type PlotLayer =
  | {
      readonly kind: "line" | "points";
      readonly name?: string;
      readonly colour: number;
      /** Lines are broken where a value is not finite. */
      readonly points: readonly PlotPoint[];
    }
  | {
      readonly kind: "bars";
      readonly name?: string;
      readonly colour: number;
      readonly bars: readonly {
        readonly from: number;
        readonly to: number;
        readonly y: number;
        readonly note?: string;
      }[];
    }
  /** A dashed line for comparison. */
  | { readonly kind: "guide"; readonly from: PlotPoint; readonly to: PlotPoint };

export interface Plot {
  readonly caption: Content;
  /** What the plot shows, in words, for those who do not see it. */
  readonly summary: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly layers: readonly PlotLayer[];
}

const width = 400;
const height = 290;
const inner = { left: 56, right: 386, top: 10, bottom: 236 };

/** A plot as a figure: SVG whose text stays readable from 390 pixels on, in colours of the page it stands on. */
export function plot({ caption, summary, x, y, layers }: Plot): Markup {
  const at = (value: number): number => rounded(inner.left + placeOn(x, value) * (inner.right - inner.left));
  const up = (value: number): number => rounded(inner.bottom - placeOn(y, value) * (inner.bottom - inner.top));
  return html`<figure class="plot panel"><figcaption>${caption}</figcaption>
<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${summary}">
<g class="rules">${y.ticks.map((tick) => html`<line x1="${inner.left}" x2="${inner.right}" y1="${up(tick)}" y2="${up(tick)}"/>`)}</g>
${layers.map((layer) => drawn(layer, at, up))}
<rect class="frame" x="${inner.left}" y="${inner.top}" width="${inner.right - inner.left}" height="${inner.bottom - inner.top}"/>
${y.ticks.map((tick) => html`<text x="${inner.left - 8}" y="${up(tick) + 4}" text-anchor="end">${y.label(tick)}</text>`)}
${x.ticks.map((tick) => html`<text x="${at(tick)}" y="${inner.bottom + 18}" text-anchor="middle">${x.label(tick)}</text>`)}
<text class="title" x="${(inner.left + inner.right) / 2}" y="${height - 10}" text-anchor="middle">${x.title}</text>
<text class="title" transform="translate(14 ${(inner.top + inner.bottom) / 2}) rotate(-90)" text-anchor="middle">${y.title}</text>
</svg>${legend(layers)}</figure>`;
}

type Place = (value: number) => number;

function drawn(layer: PlotLayer, at: Place, up: Place): Markup {
  if (layer.kind === "guide") {
    const { from, to } = layer;
    return html`<line class="guide" x1="${at(from.x)}" y1="${up(from.y)}" x2="${at(to.x)}" y2="${up(to.y)}"/>`;
  }
  const { colour } = layer;
  if (layer.kind === "bars") {
    return html`<g class="${colourClass(colour)}">${layer.bars.map(
      ({ from, to, y, note }) =>
        html`<rect class="bar" x="${at(from)}" y="${up(y)}" width="${rounded(at(to) - at(from))}" height="${rounded(inner.bottom - up(y))}">${note && html`<title>${note}</title>`}</rect>`,
    )}</g>`;
  }
  const marked = layer.points.filter(
    (point) => isDrawn(point) && (layer.kind === "points" || point.note !== undefined),
  );
  const lines = layer.kind === "line" ? unbroken(layer.points) : [];
  return html`<g class="${colourClass(colour)}">${lines.map(
    (points) =>
      html`<polyline${dashed(colour) && html` class="dashed"`} points="${points.map(({ x, y }) => `${at(x)},${up(y)}`).join(" ")}"/>`,
  )}${marked.map(({ x, y, note }) => html`<circle cx="${at(x)}" cy="${up(y)}" r="3">${note && html`<title>${note}</title>`}</circle>`)}</g>`;
}

const isDrawn = ({ x, y }: PlotPoint): boolean => Number.isFinite(x) && Number.isFinite(y);

/** The runs of points between those that are not finite; one that stands alone is doubled, so that it leaves a mark. */
function unbroken(points: readonly PlotPoint[]): PlotPoint[][] {
  const runs: PlotPoint[][] = [[]];
  for (const point of points) {
    if (isDrawn(point)) runs.at(-1)?.push(point);
    else runs.push([]);
  }
  return runs.filter(({ length }) => length > 0).map((run) => (run.length === 1 ? [...run, ...run] : run));
}

function legend(layers: readonly PlotLayer[]): Markup | null {
  const entries = layers.flatMap((layer) =>
    layer.kind === "guide" || layer.name === undefined
      ? []
      : [
          html`<li class="${colourClass(layer.colour)}"><span class="key${layer.kind === "line" && dashed(layer.colour) && " dashed"}" aria-hidden="true"></span>${layer.name}</li>`,
        ],
  );
  return entries.length === 0 ? null : html`<ul class="legend">${entries}</ul>`;
}

/** Lines whose colour another one has already are told apart by dashes. */
const dashed = (colour: number): boolean => colour >= classColourCount;

const rounded = (value: number): number => Number(value.toFixed(1));
