import type { Head } from "../contract/head";

/** What may be said of a model: on the command line, in its metadata. What is left out is found out, or guessed and said so. */
export interface ModelDescription {
  /** In the order of the scores. */
  readonly classes?: readonly string[] | undefined;
  /** Pixels. */
  readonly size?: { readonly height: number; readonly width: number } | undefined;
  readonly mean?: readonly number[] | undefined;
  readonly std?: readonly number[] | undefined;
  readonly scale?: number | undefined;
  readonly channels?: "RGB" | "BGR" | "grey" | undefined;
  readonly layout?: "NCHW" | "NHWC" | undefined;
  readonly head?: Head | undefined;
  readonly thresholds?: readonly number[] | undefined;
  readonly input?: string | undefined;
  readonly output?: string | undefined;
  /** From the least to the most severe class. */
  readonly severity?: readonly string[] | undefined;
  /** Micrometres per pixel. */
  readonly mpp?: number | undefined;
}

/** A value of a card, and where it comes from. */
export interface CardFact {
  readonly field: string;
  readonly value: string;
  readonly origin: "given" | "read" | "guessed";
  /** The flag, the metadata's key, the graph; of a guess how to say it. */
  readonly from: string;
}
