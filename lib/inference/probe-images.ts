import type { Tensor } from "../onnx/model";
import { isFloat } from "../onnx/data-types";
import { float32Tensor } from "../onnx/tensor";
import type { ClassModel } from "./class-model";

/** Where normalised pixels usually lie. */
const normalisedRange = [-2, 2] as const;
const pixelRange = [0, 255] as const;

/** Images of seeded noise in the input's range, as a batch. `from` is the number of the first: each number has its own image. */
export function probeImages(source: Pick<ClassModel, "input" | "imageType">, count: number, from = 0): Tensor {
  const { channels, height, width } = source.input;
  const isPixels = !isFloat(source.imageType);
  const [low, high] = isPixels ? pixelRange : normalisedRange;
  const size = channels * height * width;
  const data = new Float32Array(count * size);
  for (let image = 0; image < count; image++) {
    const random = uniform(1 + from + image);
    // Each image has a contrast of its own: noise of one kind looks alike to a network.
    const spread = (1 + ((from + image) % 3)) / 3;
    for (let index = 0; index < size; index++) {
      const value = (low + high) / 2 + (random() - 0.5) * (high - low) * spread;
      data[image * size + index] = isPixels ? Math.round(value) : value;
    }
  }
  return float32Tensor(data, [count, channels, height, width]);
}

/** Numbers from 0 to 1 by a linear congruential generator (Numerical Recipes' constants): good enough for noise. */
function uniform(seed: number): () => number {
  let state = Math.imul(seed, 2654435761) >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
