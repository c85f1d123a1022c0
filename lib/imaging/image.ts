/** An image in memory: red, green and blue interleaved, one byte each, rows from the top; `data` holds 3 · width · height bytes. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** One float per pixel, rows from the top: an attribution map. */
export interface FloatMap {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}
