import type { Dye } from "./stain";

// Read once: looking up a global for every pixel costs time, most of all in a test runner's sandbox.
const { ceil, exp, max, min } = Math;

/** Absorbance of a stack of thin layers at different depths; each is blurred as far as it lies from the focal plane. */
export class OpticalDensity {
  private readonly layers = new Map<number, Float32Array>();

  constructor(
    readonly width: number,
    readonly height: number,
  ) {}

  /** The layer (interleaved RGB) that is blurred with this Gaussian, deviation in pixels. */
  layer(blur: number): Float32Array {
    const known = this.layers.get(blur);
    if (known) return known;
    const layer = new Float32Array(3 * this.width * this.height);
    this.layers.set(blur, layer);
    return layer;
  }

  /** The sum of all layers after blurring, interleaved RGB. */
  focused(): Float32Array {
    const sum = new Float32Array(3 * this.width * this.height);
    for (const [blur, layer] of this.layers) {
      const seen = blur > 0.3 ? gaussianBlur(layer, this.width, this.height, blur) : layer;
      for (let index = 0; index < sum.length; index++) sum[index] = (sum[index] as number) + (seen[index] as number);
    }
    return sum;
  }
}

export function addDye(layer: Float32Array, pixel: number, dye: Dye, amount: number): void {
  const index = 3 * pixel;
  layer[index] = (layer[index] as number) + amount * dye[0];
  layer[index + 1] = (layer[index + 1] as number) + amount * dye[1];
  layer[index + 2] = (layer[index + 2] as number) + amount * dye[2];
}

/** Separable Gaussian over interleaved RGB; edges repeat. */
function gaussianBlur(values: Float32Array, width: number, height: number, deviation: number): Float32Array {
  const reach = ceil(2.5 * deviation);
  const kernel = Float32Array.from({ length: 2 * reach + 1 }, (_, index) =>
    exp(-((index - reach) ** 2) / (2 * deviation * deviation)),
  );
  const total = kernel.reduce((sum, weight) => sum + weight, 0);
  const pass = (
    source: Float32Array,
    lines: number,
    lineStride: number,
    count: number,
    stride: number,
  ): Float32Array => {
    const out = new Float32Array(source.length);
    for (let line = 0; line < lines; line++) {
      for (let position = 0; position < count; position++) {
        let red = 0,
          green = 0,
          blue = 0;
        for (let tap = -reach; tap <= reach; tap++) {
          const at = line * lineStride + min(count - 1, max(0, position + tap)) * stride;
          const weight = (kernel[tap + reach] as number) / total;
          red += weight * (source[at] as number);
          green += weight * (source[at + 1] as number);
          blue += weight * (source[at + 2] as number);
        }
        const target = line * lineStride + position * stride;
        out[target] = red;
        out[target + 1] = green;
        out[target + 2] = blue;
      }
    }
    return out;
  };
  return pass(pass(values, height, 3 * width, width, 3), width, 3, height, 3 * width);
}
