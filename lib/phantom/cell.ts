import type { Contour } from "./contour";
import type { Dye } from "./stain";

/** The five classes of SIPaKMeD, in the order of the class index. */
export const phantomClasses = [
  "Dyskeratotic",
  "Koilocytotic",
  "Metaplastic",
  "Parabasal",
  "Superficial-Intermediate",
] as const;
export type PhantomClass = (typeof phantomClasses)[number];

/** Lengths here and in everything that plans a cell are in units of which a field is 512 wide, whatever its size in pixels. */
export const fieldUnits = 512;

export interface Nucleus {
  /** Offset from the cell's centre. */
  readonly x: number;
  readonly y: number;
  readonly contour: Contour;
  /** Units of haematoxylin; 1 is an ordinary nucleus. */
  readonly density: number;
  /** Relative depth of the chromatin pattern: 0 is smooth (pyknotic), 0.3 coarse. */
  readonly chromatin: number;
}

/** One cell before it is drawn. */
export interface Cell {
  readonly className: PhantomClass | "Intermediate";
  /** Whether this cell is what makes the field belong to its class. */
  readonly isSign: boolean;
  readonly x: number;
  readonly y: number;
  readonly cytoplasm: Contour;
  readonly dye: Dye;
  readonly density: number;
  /** Thickness towards the middle relative to the margin: 0 is flat, 1 is a dome. */
  readonly dome: number;
  /** How much darker the margin is. */
  readonly rim: number;
  /** Depth of the cytoplasm's texture. */
  readonly texture: number;
  readonly folds: readonly { angle: number; offset: number; strength: number }[];
  readonly halo?: { readonly contour: Contour; readonly x: number; readonly y: number };
  readonly nuclei: readonly Nucleus[];
  /** Distance from the focal plane: 0 sharp, 1 visibly soft. */
  readonly defocus: number;
}
