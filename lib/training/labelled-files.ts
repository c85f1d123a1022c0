/** A part of a data set that its own folders name. */
export type Part = "train" | "validation" | "test";

export interface LabelledFile {
  readonly file: string;
  /** Path below the data folder with "/" between its parts: what splits and digests go by. */
  readonly name: string;
  readonly label: number;
  /** Where the folders say so: the part that it belongs to. */
  readonly part?: Part;
}

export interface DataSet {
  readonly folder: string;
  readonly layout: "class-folders" | "split-folders" | "sipakmed" | "phantoms";
  /** In alphabetical order; the position is the class index. */
  readonly classes: readonly string[];
  /** By class, and by name within a class. */
  readonly files: readonly LabelledFile[];
  /** Whether images are to be masked by Otsu's threshold before anything else. */
  readonly masked: boolean;
  /** What was made of the folders that nobody asked for, for people to read. */
  readonly notes?: readonly string[];
}
