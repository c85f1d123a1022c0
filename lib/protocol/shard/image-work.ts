import type { Plan, WorkItem } from "../../contract/plan";
import type { Explanation, Result } from "../../contract/result";

/** One explanation with its files. */
interface EncodedExplanation extends Pick<Explanation, "method" | "parameters" | "target" | "completeness"> {
  readonly heatmap: Uint8Array;
  readonly overlay: Uint8Array;
  /** The raw map, .npy. */
  readonly map: Uint8Array;
}

/** All that is to be stored of one image. */
export interface EncodedImage {
  readonly image: Pick<Result["image"], "sha256" | "width" | "height" | "format">;
  readonly seen: Result["seen"];
  readonly prediction: Result["prediction"];
  readonly explanations: readonly EncodedExplanation[];
  readonly thumbnail: Uint8Array;
  readonly figure?: Uint8Array | undefined;
  /** GeoJSON of the attributed regions. */
  readonly annotation?: string | undefined;
  readonly warnings: readonly string[];
}

/**
 * What is done to an image, in the three stages that a worker overlaps. It is handed in, so that the protocol
 * can be exercised without a network, and planners never load one.
 */
export interface ImageWork<Prepared = unknown, Analysed = unknown> {
  /** Where the network is computed: "cpu", "cuda", … */
  readonly provider: string;
  /** Bytes to network input. Throws ImageError for an image that cannot be used. */
  prepare(bytes: Uint8Array, item: WorkItem): Promise<Prepared>;
  /** One at a time. Throws EnvironmentError when nothing can be computed here. */
  analyse(prepared: Prepared): Promise<Analysed>;
  encode(analysed: Analysed): Promise<EncodedImage>;
  close(): Promise<void>;
}

/** Throws ModelError for a model that cannot be used at all. */
export type OpenImageWork = (plan: Plan, model: Uint8Array) => Promise<ImageWork>;
