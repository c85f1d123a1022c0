import type { LabelledFile } from "./data-set";
import type { UnreadableImage } from "./prepared-samples";

/** One sample as a batch asks for it; without `epoch` it is seen plainly, as in validation. */
export interface SampleRequest {
  readonly sample: number;
  readonly epoch?: number | undefined;
  /** Turns that the sample had in the epoch before; 0 unless told. */
  readonly repeat?: number | undefined;
}

/** `input` is [count, 3, size, size], `labels` [count, labelsPerSample]. */
export interface Batch {
  readonly input: Float32Array;
  readonly labels: BigInt64Array;
  readonly count: number;
}

/** Where batches come from; made ahead, beside the computation. */
export interface SampleSource {
  /** Samples in the set, by index. */
  readonly count: number;
  /** 1, or the pixels of an image where each has a label. */
  readonly labelsPerSample: number;
  batch(requests: readonly SampleRequest[]): Promise<Batch>;
  close(): Promise<void>;
}

/** Of images on disk, also what was found when they were read. */
export interface ImageSource extends SampleSource {
  readonly files: readonly LabelledFile[];
  readonly unreadable: readonly UnreadableImage[];
}
