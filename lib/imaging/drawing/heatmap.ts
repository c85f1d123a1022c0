import { divergingColours, sequentialColours } from "./colour-maps";
import type { FloatMap } from "../image";
import { drawText, textWidth } from "./lettering";
import { type MapScale, onScale, scaleOf } from "./map-scale";
import { encodeIndexedPng, type IndexedImage } from "./png";

/** Colours for each sign; fewer than the eye tells apart in a map, and PNGs stay small. */
const levels = 60;
/** Below this share of the scale a pixel counts as not attributed. */
const floor = 0.04;
/** Share of the scale from which a colour is opaque. */
const opaqueFrom = 0.5;

/**
 * A map as a PNG: transparent where nothing is attributed, more opaque and stronger in colour where more is; blue against
 * vermilion for signed maps. Below the map lies a scale bar with labelled ends, `scaleBarHeight` pixels high; the map itself
 * fills the top of the picture pixel by pixel.
 *
 * @param map one number a pixel, row-major [height, width], in any unit
 * @param signed whether negative values are drawn as such: yes for gradients, no for Grad-CAM
 * @returns the bytes of an indexed PNG, `width` × (`height` + 28)
 * @throws ImageError when the map holds numbers that are not finite
 * @example
 * ```ts
 * import { renderHeatmap } from "cytolens";
 *
 * const png = renderHeatmap({ width: 2, height: 2, data: Float32Array.of(-1, 0, 0.5, 1) }, true);
 * console.log(png.length > 0);
 * ```
 */
export function renderHeatmap(map: FloatMap, signed: boolean): Uint8Array {
  const scale = scaleOf(map, signed);
  return encodeIndexedPng(withScaleBar(colourIndices(map, scale), scale));
}

/** The coloured map alone, for laying over a picture of the same shape. */
export function renderHeatLayer(map: FloatMap, signed: boolean): Uint8Array {
  return encodeIndexedPng(colourIndices(map, scaleOf(map, signed)));
}

/** Index 0 is nothing; then `levels` colours (positive), then as many again when signed (negative). */
export function colourIndices(map: FloatMap, scale: MapScale): IndexedImage {
  const data = new Uint8Array(map.data.length);
  for (let i = 0; i < data.length; i++) {
    const share = onScale(map.data[i] as number, scale);
    const strength = Math.abs(share);
    if (strength < floor) continue;
    const level = Math.min(levels - 1, Math.floor(((strength - floor) / (1 - floor)) * levels));
    data[i] = 1 + level + (share < 0 ? levels : 0);
  }
  return { width: map.width, height: map.height, data, palette: palette(scale.signed) };
}

function makePalette(signed: boolean): Uint8Array {
  const opacity = (level: number): number => Math.round(255 * Math.min(1, (level + 1) / levels / opaqueFrom));
  const colours = signed ? divergingColours(2 * levels + 1).data : sequentialColours(levels).data;
  const place = (level: number, negative: boolean): number =>
    signed ? (negative ? levels - 1 - level : levels + 1 + level) : level;
  const out = [0, 0, 0, 0];
  for (const negative of signed ? [false, true] : [false]) {
    for (let level = 0; level < levels; level++) {
      const at = 3 * place(level, negative);
      out.push(colours[at] as number, colours[at + 1] as number, colours[at + 2] as number, opacity(level));
    }
  }
  return Uint8Array.from(out);
}

const palettes = new Map<boolean, Uint8Array>();

function palette(signed: boolean): Uint8Array {
  const known = palettes.get(signed) ?? makePalette(signed);
  palettes.set(signed, known);
  return known;
}

export const scaleBarHeight = 28;
const margin = 4;
const barHeight = 10;

/** Adds a white strip with the colours in order and the values of its ends (and of its middle, 0, when signed). */
function withScaleBar(image: IndexedImage, scale: MapScale): IndexedImage {
  const { width, height } = image;
  const colours = image.palette.length / 4;
  const [paper, ink] = [colours, colours + 1];
  // The bar shows colours as they are on paper, transparent ones over white.
  const first = colours + 2;
  const palette = [...image.palette, 255, 255, 255, 255, 32, 32, 32, 255];
  for (let i = 0; i < colours; i++) {
    const opacity = (image.palette[4 * i + 3] as number) / 255;
    for (let channel = 0; channel < 3; channel++)
      palette.push(Math.round(255 + ((image.palette[4 * i + channel] as number) - 255) * opacity));
    palette.push(255);
  }
  const data = new Uint8Array(width * (height + scaleBarHeight)).fill(paper);
  data.set(image.data);
  const barWidth = Math.max(1, width - 2 * margin);
  for (let x = 0; x < barWidth; x++) {
    const t = barWidth > 1 ? x / (barWidth - 1) : 1;
    const share = scale.signed ? 2 * t - 1 : t;
    const index = Math.round(Math.abs(share) * levels) + (share < 0 && Math.round(-share * levels) > 0 ? levels : 0);
    for (let y = 0; y < barHeight; y++) data[(height + margin + y) * width + margin + x] = first + index;
  }
  const write = (text: string, left: number): void =>
    drawText(text, left, height + margin + barHeight + 3, (x, y) => {
      if (x >= 0 && x < width && y < height + scaleBarHeight) data[y * width + x] = ink;
    });
  const end = formatValue(scale.limit);
  const [low, high] = scale.signed ? [`-${end}`, `+${end}`] : ["0", end];
  const highLeft = width - margin - textWidth(high);
  if (margin + textWidth(low) + 6 <= highLeft) write(low, margin);
  write(high, Math.max(0, highLeft));
  const zeroLeft = Math.round((width - textWidth("0")) / 2);
  if (scale.signed && zeroLeft > margin + textWidth(low) + 6 && zeroLeft + textWidth("0") + 6 < highLeft)
    write("0", zeroLeft);
  return { width, height: height + scaleBarHeight, data, palette: Uint8Array.from(palette) };
}

/** Two significant digits, short enough for a small picture: 0.0042, 3.1, 1.2E-7. */
export function formatValue(value: number): string {
  if (value === 0) return "0";
  if (value >= 0.001 && value < 10_000) return String(Number(value.toPrecision(2)));
  return value.toExponential(1).toUpperCase().replace("E+", "E");
}
