import { colourIndices } from "./heatmap";
import type { FloatMap, RgbImage } from "../image";
import { drawText, glyphHeight, textWidth } from "./lettering";
import { scaleOf } from "./map-scale";
import { encodePng, overlay } from "./overlay";

/** One row of the figure: a method's name, its map, and whether the map is signed. */
export interface FigureRow {
  readonly title: string;
  readonly map: FloatMap;
  readonly signed: boolean;
}

/** Small pictures are enlarged to about this width. */
const readableSide = 448;
const gap = 16;
const letter = 2;
const caption = glyphHeight * letter + 10;
const paper = 255;
const ink = 40;

/** The study's figure: original, overlay and map side by side, a row a method (gradient above, integrated gradients below), as PNG. */
export async function renderFigure(seen: RgbImage, rows: readonly FigureRow[]): Promise<Uint8Array> {
  const zoom = Math.max(1, Math.round(readableSide / seen.width));
  const panelHeight = seen.height * zoom;
  const panelWidth = Math.max(seen.width * zoom, ...rows.map(({ title }) => textWidth(`${title}: overlay`, letter)));
  const width = gap + 3 * (panelWidth + gap);
  const height = gap + rows.length * (caption + panelHeight + gap);
  const data = new Uint8Array(width * height * 3).fill(paper);
  rows.forEach(({ title, map, signed }, row) => {
    const top = gap + row * (caption + panelHeight + gap);
    const panels: [string, RgbImage][] = [
      ["original", seen],
      [`${title}: overlay`, overlay(seen, map, signed)],
      [`${title}: map`, onBlack(map, signed)],
    ];
    panels.forEach(([text, small], column) => {
      const panel = enlarge(small, zoom);
      const left = gap + column * (panelWidth + gap) + Math.floor((panelWidth - panel.width) / 2);
      const textLeft = gap + column * (panelWidth + gap) + Math.floor((panelWidth - textWidth(text, letter)) / 2);
      drawText(text, textLeft, top, (x, y) => data.fill(ink, (y * width + x) * 3, (y * width + x) * 3 + 3), letter);
      for (let y = 0; y < panel.height; y++) {
        data.set(
          panel.data.subarray(y * panel.width * 3, (y + 1) * panel.width * 3),
          ((top + caption + y) * width + left) * 3,
        );
      }
    });
  });
  return encodePng({ width, height, data });
}

/** Every pixel as a square, so that the map shows what was computed and nothing between. */
function enlarge({ width, height, data }: RgbImage, zoom: number): RgbImage {
  const out = new Uint8Array(width * zoom * height * zoom * 3);
  for (let y = 0, o = 0; y < height * zoom; y++) {
    for (let x = 0; x < width * zoom; x++, o += 3) {
      const i = (Math.floor(y / zoom) * width + Math.floor(x / zoom)) * 3;
      out[o] = data[i] as number;
      out[o + 1] = data[i + 1] as number;
      out[o + 2] = data[i + 2] as number;
    }
  }
  return { width: width * zoom, height: height * zoom, data: out };
}

/** The heatmap's colours on black, where transparent ones darken. */
function onBlack(map: FloatMap, signed: boolean): RgbImage {
  const { data: indices, palette } = colourIndices(map, scaleOf(map, signed));
  const data = new Uint8Array(indices.length * 3);
  indices.forEach((index, i) => {
    for (let channel = 0; channel < 3; channel++) {
      data[3 * i + channel] = Math.round(
        ((palette[4 * index + channel] as number) * (palette[4 * index + 3] as number)) / 255,
      );
    }
  });
  return { width: map.width, height: map.height, data };
}
