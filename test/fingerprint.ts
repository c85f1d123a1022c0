import { readFileSync } from "node:fs";
import type { Tensor } from "../lib/onnx/model";

/** The oracle's summary of a tensor: see its README. */
export interface Fingerprint {
  readonly shape: readonly number[];
  readonly sum: number;
  readonly l2: number;
  readonly min: number;
  readonly max: number;
  readonly argmax: number;
  readonly samples: readonly number[];
}

/** The largest deviation of a tensor from its fingerprint: samples and extremes relative to the largest magnitude, the norm relative to itself. */
export function deviation(tensor: Tensor, wanted: Fingerprint): number {
  const data = tensor.data as Float32Array;
  const scale = Math.max(Math.abs(wanted.min), Math.abs(wanted.max)) || 1;
  let squares = 0;
  let min = Infinity;
  let max = -Infinity;
  for (const value of data) {
    squares += value * value;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  const samples = wanted.samples.length;
  const at = (k: number) => (samples === data.length ? k : Math.floor(((k + 0.5) * data.length) / samples));
  const errors = wanted.samples.map((value, k) => Math.abs(data[at(k)]! - value) / scale);
  return Math.max(
    ...errors,
    Math.abs(min - wanted.min) / scale,
    Math.abs(max - wanted.max) / scale,
    Math.abs(Math.sqrt(squares) - wanted.l2) / (wanted.l2 || 1),
  );
}

/** max|got − want| / max|want|. */
export function maxRelative(got: ArrayLike<number>, want: ArrayLike<number>): number {
  let error = 0;
  let scale = 0;
  for (let index = 0; index < want.length; index++) {
    error = Math.max(error, Math.abs(got[index]! - want[index]!));
    scale = Math.max(scale, Math.abs(want[index]!));
  }
  return got.length === want.length ? error / (scale || 1) : Infinity;
}

/** ‖got − want‖ / ‖want‖. */
export function l2Relative(got: ArrayLike<number>, want: ArrayLike<number>): number {
  let error = 0;
  let norm = 0;
  for (let index = 0; index < want.length; index++) {
    error += (got[index]! - want[index]!) ** 2;
    norm += want[index]! ** 2;
  }
  return got.length === want.length ? Math.sqrt(error / (norm || 1)) : Infinity;
}

export function readJson<T>(file: string): T {
  return JSON.parse(readFileSync(file, "utf8")) as T;
}
