import type { Normalisation } from "../contract/normalisation";
import { CounterRandom } from "../random/counter-random";
import type { PreparedImage } from "./prepared-samples";

export interface AugmentationOptions {
  /** Largest rotation to either side, degrees. */
  readonly rotation: number;
  readonly flips: boolean;
  /** Largest relative change of the stain's strength, each colour for itself; 0 leaves colours alone. */
  readonly stainJitter: number;
  /** Largest relative change of size. */
  readonly zoom: number;
  /** Grey level of what rotation brings in from outside the image. */
  readonly fill: number;
}

/** The study's augmentation (rotation alone). */
export const studyAugmentation: AugmentationOptions = {
  rotation: 25,
  flips: false,
  stainJitter: 0,
  zoom: 0,
  fill: 255,
};

/** How one image is seen: a turn about its centre, flips, a zoom, and how strongly each colour is absorbed. */
export interface View {
  readonly angle: number;
  readonly zoom: number;
  readonly flipHorizontal: boolean;
  readonly flipVertical: boolean;
  readonly absorption: readonly [number, number, number];
  readonly fill: number;
}

export const plainView: View = {
  angle: 0,
  zoom: 1,
  flipHorizontal: false,
  flipVertical: false,
  absorption: [1, 1, 1],
  fill: 255,
};

/** The view of a sample's turn in an epoch: a function of (seed, epoch, sample, repeat) and nothing else. */
export function drawView(options: AugmentationOptions, seed: number, epoch: number, sample: number, repeat = 0): View {
  const random = new CounterRandom(seed, streamAt(viewStream, 0, repeat), epoch, sample);
  const angle = (random.uniform(-options.rotation, options.rotation) * Math.PI) / 180;
  const flipHorizontal = random.chance(0.5) && options.flips,
    flipVertical = random.chance(0.5) && options.flips;
  const zoom = 1 + random.uniform(-options.zoom, options.zoom);
  const overall = random.uniform(-options.stainJitter, options.stainJitter);
  const colour = () => Math.max(0.05, 1 + overall + 0.5 * random.uniform(-options.stainJitter, options.stainJitter));
  return { angle, zoom, flipHorizontal, flipVertical, absorption: [colour(), colour(), colour()], fill: options.fill };
}

/**
 * Writes the network's input, [3, size, size], for a view of an image into `target` from `offset` on.
 * Sampling is bilinear; the plain view copies the centre crop.
 */
export function renderView(
  image: PreparedImage,
  view: View,
  normalisation: Normalisation,
  size: number,
  target: Float32Array,
  offset: number,
): void {
  const tables = view.absorption.map((strength, channel) => inputTable(normalisation, channel, strength));
  const [red, green, blue] = tables as [Float32Array, Float32Array, Float32Array];
  const { data, width, height } = image;
  const area = size * size;
  const { originX, originY, rightX, rightY, downX, downY } = gridOf(view, image, size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const x = originX + column * rightX + row * downX,
        y = originY + column * rightY + row * downY;
      const left = Math.floor(x + 1e-6),
        top = Math.floor(y + 1e-6);
      const at = offset + row * size + column;
      if (left < 0 || top < 0 || left >= width || top >= height) {
        target[at] = red[view.fill] as number;
        target[at + area] = green[view.fill] as number;
        target[at + 2 * area] = blue[view.fill] as number;
        continue;
      }
      const fx = Math.max(0, x - left),
        fy = Math.max(0, y - top);
      const upper = 3 * (top * width + left),
        right = left + 1 < width ? 3 : 0,
        lower = upper + (top + 1 < height ? 3 * width : 0);
      for (let channel = 0; channel < 3; channel++) {
        const above = (data[upper + channel] as number) * (1 - fx) + (data[upper + right + channel] as number) * fx;
        const below = (data[lower + channel] as number) * (1 - fx) + (data[lower + right + channel] as number) * fx;
        const level = (above * (1 - fy) + below * fy + 0.5) | 0;
        target[at + channel * area] = (channel === 0 ? red : channel === 1 ? green : blue)[level] as number;
      }
    }
  }
}

/** The label of each pixel of a view, [size, size], the nearest one; 0 outside the image. */
export function renderLabels(
  labels: Uint8Array,
  image: Pick<PreparedImage, "width" | "height" | "left" | "top">,
  view: View,
  size: number,
  target: BigInt64Array,
  offset: number,
): void {
  const { originX, originY, rightX, rightY, downX, downY } = gridOf(view, image, size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const x = Math.round(originX + column * rightX + row * downX),
        y = Math.round(originY + column * rightY + row * downY);
      const inside = x >= 0 && y >= 0 && x < image.width && y < image.height;
      target[offset + row * size + column] = BigInt(inside ? (labels[y * image.width + x] as number) : 0);
    }
  }
}

/** Where the pixels of a view lie in the image: the first one, and the steps to its neighbours to the right and below. */
function gridOf(view: View, { left, top }: Pick<PreparedImage, "left" | "top">, size: number) {
  const middle = (size - 1) / 2;
  const cosine = Math.cos(view.angle) / view.zoom,
    sine = Math.sin(view.angle) / view.zoom;
  const horizontal = view.flipHorizontal ? -1 : 1,
    vertical = view.flipVertical ? -1 : 1;
  const [rightX, rightY, downX, downY] = [horizontal * cosine, horizontal * sine, -vertical * sine, vertical * cosine];
  return {
    originX: left + middle - middle * (rightX + downX),
    originY: top + middle - middle * (rightY + downY),
    rightX,
    rightY,
    downX,
    downY,
  };
}

/** The network's input for each grey level, light taken as exp(−strength · density). */
function inputTable({ scale, mean, std }: Normalisation, channel: number, strength: number): Float32Array {
  const centre = mean[channel] ?? 0,
    deviation = std[channel] ?? 1,
    range = 255 * scale;
  return Float32Array.from({ length: 256 }, (_, level) => {
    const light = strength === 1 ? level / 255 : (level / 255) ** strength;
    return (light * range - centre) / deviation;
  });
}

/** Words that tell apart the random streams of one seed. */
const viewStream = 1;
export const orderStream = 2,
  dropoutStream = 3,
  pathStream = 4,
  mixStream = 5;

/** A word for a place in the network and a sample's turn in the epoch. */
export function streamAt(stream: number, site: number, repeat: number): number {
  return stream + 16 * (site + 4096 * repeat);
}
