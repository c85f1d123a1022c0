import { imageNetNormalisation as imageNet } from "../../contract/normalisation";
import type { Region } from "../../contract/region";
import type { RgbImage } from "../image";
import { maskBright } from "./otsu";
import { resizeBilinear } from "./resample";

/** How an image becomes a network's input, as a model card's `input` says it. What is left out is as in the study. */
export interface NetworkInput {
  /** Pixels that the network sees. */
  readonly height: number;
  readonly width: number;
  readonly layout?: "NCHW" | "NHWC" | undefined;
  readonly channels?: "RGB" | "BGR" | "grey" | undefined;
  /** Values are grey level × scale, then (value − mean) / std, in the order of `channels`. 1/255 and ImageNet's when absent. */
  readonly scale?: number | undefined;
  readonly mean?: readonly number[] | undefined;
  readonly std?: readonly number[] | undefined;
}

/** Where the network looks: the image was resized to `resizedWidth` × `resizedHeight`, and width × height pixels cut at (left, top). */
export interface Framing {
  readonly imageWidth: number;
  readonly imageHeight: number;
  readonly resizedWidth: number;
  readonly resizedHeight: number;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/**
 * The study's framing (torchvision's Resize and CenterCrop): the side that is scarcer becomes the network's, the other
 * keeps the shape and is truncated to whole pixels; the crop's offset is rounded half to even.
 */
export function frame(
  imageWidth: number,
  imageHeight: number,
  { width, height }: Pick<NetworkInput, "width" | "height">,
): Framing {
  const byWidth = width * imageHeight >= height * imageWidth;
  const resizedWidth = byWidth ? width : Math.trunc((height * imageWidth) / imageHeight);
  const resizedHeight = byWidth ? Math.trunc((width * imageHeight) / imageWidth) : height;
  return {
    imageWidth,
    imageHeight,
    resizedWidth,
    resizedHeight,
    width,
    height,
    left: roundHalfToEven((resizedWidth - width) / 2),
    top: roundHalfToEven((resizedHeight - height) / 2),
  };
}

/** The part of the image that the network sees, resized to the network's pixels, as 8-bit RGB; with the study's Otsu mask when asked. */
export function cropToFrame(image: RgbImage, framing: Framing, mask: "none" | "otsu" = "none"): RgbImage {
  const { resizedWidth, resizedHeight, left, top, width, height } = framing;
  return resizeBilinear(mask === "otsu" ? maskBright(image) : image, resizedWidth, resizedHeight, {
    left,
    top,
    width,
    height,
  });
}

/** (grey level · scale − mean) / std in float32, [channels, height, width] or [height, width, channels] by `layout`. */
export function normalise(image: RgbImage, input: Omit<NetworkInput, "height" | "width"> = {}): Float32Array {
  const { layout = "NCHW", channels = "RGB", scale = imageNet.scale, mean = imageNet.mean, std = imageNet.std } = input;
  const area = image.width * image.height;
  const planes =
    channels === "grey" ? [lumaPlane] : channels === "BGR" ? [2, 1, 0].map(colourPlane) : [0, 1, 2].map(colourPlane);
  const tensor = new Float32Array(planes.length * area);
  planes.forEach((plane, channel) => {
    // A single value serves all channels.
    const centre = Math.fround(mean[channel] ?? mean[0] ?? 0);
    const spread = Math.fround(std[channel] ?? std[0] ?? 1);
    const table = Float32Array.from(
      { length: 256 },
      (_, level) => Math.fround(Math.fround(level * scale) - centre) / spread,
    );
    const [start, step] = layout === "NCHW" ? [channel * area, 1] : [channel, planes.length];
    for (let i = 0, o = start; i < area; i++, o += step) tensor[o] = table[plane(image.data, 3 * i)] as number;
  });
  return tensor;
}

const colourPlane =
  (channel: number) =>
  (data: Uint8Array, i: number): number =>
    data[i + channel] as number;

/** Luma as Pillow's mode L has it (ITU-R 601, 16-bit fixed point). */
const lumaPlane = (data: Uint8Array, i: number): number =>
  ((data[i] as number) * 19595 + (data[i + 1] as number) * 38470 + (data[i + 2] as number) * 7471 + 0x8000) >> 16;

/** A point of the network's input, in its pixels (corner of the first pixel at 0), in pixels of the whole image. */
export function toImagePoint(
  { imageWidth, imageHeight, resizedWidth, resizedHeight, left, top }: Framing,
  x: number,
  y: number,
): [number, number] {
  return [((x + left) * imageWidth) / resizedWidth, ((y + top) * imageHeight) / resizedHeight];
}

/** The part of the image that the network sees, in whole pixels of the image. */
export function seenRegion(framing: Framing): Region {
  const [x0, y0] = toImagePoint(framing, 0, 0);
  const [x1, y1] = toImagePoint(framing, framing.width, framing.height);
  const [left, top] = [Math.floor(x0), Math.floor(y0)];
  return {
    left,
    top,
    width: Math.min(framing.imageWidth, Math.ceil(x1)) - left,
    height: Math.min(framing.imageHeight, Math.ceil(y1)) - top,
  };
}

function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
