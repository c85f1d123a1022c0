import type { RgbImage } from "../image";

/** The part of a resized image that is wanted, in pixels of the resized image. */
export interface Window {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Weights of one axis: output i is the sum over k of weights[i · taps + k] · input[first[i] + k]. */
interface AxisWeights {
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly weights: Int32Array;
  readonly taps: number;
}

/** Fraction bits of a weight: 32 less 8 of the pixel less 2 of headroom, as Pillow has it. */
const fractionBits = 22;

/**
 * Resizes with Pillow's antialiased bilinear filter (a triangle that widens with the reduction; 8-bit pixels, weights in
 * 22-bit fixed point; rounded to a byte after each of the two passes), and returns one window of it.
 * Only the window is computed, so a centre crop costs what it shows.
 */
export function resizeBilinear(
  image: RgbImage,
  width: number,
  height: number,
  window: Window = { left: 0, top: 0, width, height },
): RgbImage {
  // Pillow 13 reduces images more than twice as tall as wide along columns first; the order decides how ties round.
  if (image.height > 2 * image.width && height < image.height) {
    const turned = { left: window.top, top: window.left, width: window.height, height: window.width };
    return transpose(resizeRowsFirst(transpose(image), height, width, turned));
  }
  return resizeRowsFirst(image, width, height, window);
}

function resizeRowsFirst(image: RgbImage, width: number, height: number, window: Window): RgbImage {
  const columns = axisWeights(image.width, width, window.left, window.width);
  const rows = axisWeights(image.height, height, window.top, window.height);
  const firstRow = rows.first[0] ?? 0;
  const last = window.height - 1;
  const rowCount = (rows.first[last] ?? 0) + (rows.count[last] ?? 0) - firstRow;
  const narrowed = resampleRows(image, columns, firstRow, rowCount);
  return { width: window.width, height: window.height, data: resampleColumns(narrowed, window.width, rows, firstRow) };
}

function transpose({ width, height, data }: RgbImage): RgbImage {
  const out = new Uint8Array(data.length);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const o = (x * height + y) * 3;
      out[o] = data[i++] as number;
      out[o + 1] = data[i++] as number;
      out[o + 2] = data[i++] as number;
    }
  }
  return { width: height, height: width, data: out };
}

function axisWeights(inputSize: number, outputSize: number, from: number, length: number): AxisWeights {
  const scale = inputSize / outputSize;
  const filterScale = Math.max(scale, 1);
  const support = filterScale;
  const taps = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(length);
  const count = new Int32Array(length);
  const weights = new Int32Array(length * taps);
  const exact = new Float64Array(taps);
  for (let i = 0; i < length; i++) {
    const centre = (from + i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - support + 0.5));
    const end = Math.min(inputSize, Math.trunc(centre + support + 0.5));
    let total = 0;
    for (let k = 0; k < end - start; k++) {
      const distance = Math.abs((k + start - centre + 0.5) / filterScale);
      const weight = distance < 1 ? 1 - distance : 0;
      exact[k] = weight;
      total += weight;
    }
    for (let k = 0; k < end - start; k++) {
      weights[i * taps + k] = Math.trunc(0.5 + ((exact[k] ?? 0) / total) * 2 ** fractionBits);
    }
    first[i] = start;
    count[i] = end - start;
  }
  return { first, count, weights, taps };
}

function resampleRows(
  image: RgbImage,
  { first, count, weights, taps }: AxisWeights,
  firstRow: number,
  rowCount: number,
): Uint8Array {
  const { data } = image;
  const length = first.length;
  const out = new Uint8Array(rowCount * length * 3);
  let o = 0;
  for (let y = 0; y < rowCount; y++) {
    const row = (firstRow + y) * image.width * 3;
    for (let x = 0; x < length; x++) {
      let i = row + (first[x] as number) * 3;
      let red = half,
        green = half,
        blue = half;
      const end = x * taps + (count[x] as number);
      for (let k = x * taps; k < end; k++, i += 3) {
        const weight = weights[k] as number;
        red += (data[i] as number) * weight;
        green += (data[i + 1] as number) * weight;
        blue += (data[i + 2] as number) * weight;
      }
      out[o++] = toByte(red);
      out[o++] = toByte(green);
      out[o++] = toByte(blue);
    }
  }
  return out;
}

function resampleColumns(
  data: Uint8Array,
  width: number,
  { first, count, weights, taps }: AxisWeights,
  firstRow: number,
): Uint8Array {
  const stride = width * 3;
  const out = new Uint8Array(first.length * stride);
  const sums = new Float64Array(stride);
  for (let y = 0; y < first.length; y++) {
    sums.fill(half);
    for (let k = 0; k < (count[y] as number); k++) {
      const weight = weights[y * taps + k] as number;
      const row = ((first[y] as number) + k - firstRow) * stride;
      for (let i = 0; i < stride; i++) sums[i] = (sums[i] as number) + (data[row + i] as number) * weight;
    }
    for (let i = 0; i < stride; i++) out[y * stride + i] = toByte(sums[i] as number);
  }
  return out;
}

const half = 2 ** (fractionBits - 1);

function toByte(sum: number): number {
  const value = sum >> fractionBits;
  return value > 255 ? 255 : value;
}
