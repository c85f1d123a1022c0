import type { RgbImage } from "./image";
import { maskBright } from "./otsu";
import { resizeBilinear } from "./resample";

/** How an image becomes a network's input. What is left out is as in the study. */
export interface Preprocessing {
  /** Side of the square that the network sees, pixels. */
  readonly size: number;
  /** Length that the shorter side is resized to before the centre crop; `size` when absent. */
  readonly resize?: number | undefined;
  /** "crop" (default) keeps the shape and loses the ends of the longer side; "stretch" keeps everything and loses the shape. */
  readonly fit?: "crop" | "stretch" | undefined;
  /** Factor from grey level to the scale of `mean` and `standardDeviation`; 1/255 when absent. */
  readonly rescale?: number | undefined;
  /** Per channel, red first; ImageNet's when absent. */
  readonly mean?: readonly number[] | undefined;
  readonly standardDeviation?: readonly number[] | undefined;
  /** Blacken the pixels at or above Otsu's threshold (the bright background) before resizing. */
  readonly otsuMask?: boolean | undefined;
}

/** Where the square lies: the image was resized to `resizedWidth` × `resizedHeight`, and the square cut at (left, top). */
export interface Framing {
  readonly imageWidth: number;
  readonly imageHeight: number;
  readonly resizedWidth: number;
  readonly resizedHeight: number;
  readonly left: number;
  readonly top: number;
  readonly size: number;
}

export const imagenetMean = [0.485, 0.456, 0.406] as const;
export const imagenetStandardDeviation = [0.229, 0.224, 0.225] as const;

/** The framing of the study: shorter side to `resize`, longer side truncated, centre crop rounded half to even (torchvision's Resize and CenterCrop). */
export function frame(width: number, height: number, { size, resize = size, fit = "crop" }: Preprocessing): Framing {
  if (fit === "stretch") {
    return { imageWidth: width, imageHeight: height, resizedWidth: size, resizedHeight: size, left: 0, top: 0, size };
  }
  const wide = width >= height;
  const longer = Math.trunc((resize * Math.max(width, height)) / Math.min(width, height));
  const resizedWidth = wide ? longer : resize;
  const resizedHeight = wide ? resize : longer;
  return {
    imageWidth: width, imageHeight: height, resizedWidth, resizedHeight,
    left: roundHalfToEven((resizedWidth - size) / 2), top: roundHalfToEven((resizedHeight - size) / 2), size,
  };
}

/** The square of the image that the network sees, as 8-bit RGB. */
export function cropToFrame(image: RgbImage, framing: Framing, otsuMask = false): RgbImage {
  const { resizedWidth, resizedHeight, left, top, size } = framing;
  return resizeBilinear(otsuMask ? maskBright(image) : image, resizedWidth, resizedHeight, { left, top, width: size, height: size });
}

/** (grey level · rescale − mean) / standard deviation in float32, channels first: [3, height, width], red first. */
export function normalise(image: RgbImage, preprocessing: Omit<Preprocessing, "size"> = {}): Float32Array {
  const { rescale = 1 / 255, mean = imagenetMean, standardDeviation = imagenetStandardDeviation } = preprocessing;
  const area = image.width * image.height;
  const tensor = new Float32Array(3 * area);
  for (let channel = 0; channel < 3; channel++) {
    const centre = Math.fround(mean[channel] ?? 0);
    const spread = Math.fround(standardDeviation[channel] ?? 1);
    const table = Float32Array.from({ length: 256 }, (_, level) => Math.fround(Math.fround(level * rescale) - centre) / spread);
    for (let i = 0; i < area; i++) tensor[channel * area + i] = table[image.data[3 * i + channel] as number] as number;
  }
  return tensor;
}

/** A point of the square, in its pixels (corner of the first pixel at 0), in pixels of the whole image. */
export function toImagePoint({ imageWidth, imageHeight, resizedWidth, resizedHeight, left, top }: Framing, x: number, y: number): [number, number] {
  return [((x + left) * imageWidth) / resizedWidth, ((y + top) * imageHeight) / resizedHeight];
}

function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
