import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import sharp from "sharp";
import { UserError } from "../contract/errors";
import { phantomClasses, type PhantomClass } from "./cell";
import { phantomCell, phantomField, type Phantom } from "./phantom";

export interface PhantomSetOptions {
  /** Images go to `<folder>/images/<class>/`, what is true about them to `<folder>/truth/<class>/`. */
  readonly folder: string;
  readonly kind: "fields" | "cells";
  readonly classes: readonly PhantomClass[];
  readonly countPerClass: number;
  /** Width and height in pixels. */
  readonly size: number;
  readonly seed: number;
}

/** Ground truth of one image as it is written beside it. */
export interface PhantomTruth {
  readonly schemaVersion: 1;
  readonly image: string;
  readonly className: PhantomClass;
  readonly seed: number;
  readonly index: number;
  readonly width: number;
  readonly height: number;
  readonly cells: readonly {
    /** This cell's value in the label image; where cells overlap, the later one shows there. */
    readonly label: number;
    readonly className: string;
    readonly isSign: boolean;
    readonly box: { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
    /** Lengths of runs of outside, inside, outside, … over the box, row by row; complete where cells overlap. */
    readonly runs: readonly number[];
  }[];
}

/**
 * Writes a set of phantoms: PNG images in class folders, and for each a truth file (JSON), a label image and a mask of the cells that carry the sign.
 * Calls `onImage` after each. Returns the number of images.
 */
export async function writePhantoms(
  options: PhantomSetOptions,
  onImage: (file: string) => void = () => {},
): Promise<number> {
  const draw = options.kind === "fields" ? phantomField : phantomCell;
  let written = 0;
  for (const className of options.classes) {
    const images = path.join(options.folder, "images", className),
      truths = path.join(options.folder, "truth", className);
    await Promise.all([images, truths].map((folder) => mkdir(folder, { recursive: true })));
    for (let index = 0; index < options.countPerClass; index++) {
      const phantom = draw({ className, size: options.size, seed: options.seed, index });
      const name = `${className.toLowerCase()}-${String(index).padStart(4, "0")}`;
      await Promise.all([
        png(phantom.data, phantom, 3, path.join(images, `${name}.png`)),
        png(labelImage(phantom), phantom, 1, path.join(truths, `${name}.cells.png`)),
        png(signMask(phantom), phantom, 1, path.join(truths, `${name}.signs.png`)),
        writeFile(
          path.join(truths, `${name}.json`),
          `${JSON.stringify(truthOf(phantom, `${name}.png`, options.seed, index))}\n`,
        ),
      ]);
      written++;
      onImage(path.join(images, `${name}.png`));
    }
  }
  return written;
}

/** The classes with these names, however they are capitalised. */
export function phantomClassesNamed(names: readonly string[]): PhantomClass[] {
  return names.map((name) => {
    const found = phantomClasses.find((className) => className.toLowerCase() === name.trim().toLowerCase());
    if (!found)
      throw new UserError(
        "phantom.class",
        `Expected one of ${phantomClasses.join(", ")} for a class of phantoms but received "${name}"`,
      );
    return found;
  });
}

/** 255 on every cell that carries the sign of the image's class, 0 elsewhere; width × height. */
export function signMask(phantom: Phantom): Uint8Array {
  return painted(phantom, (cell) => (cell.isSign ? 255 : undefined));
}

/** 0 on the background, k on the k-th cell; width × height. */
export function labelImage(phantom: Phantom): Uint8Array {
  return painted(phantom, (_, index) => index + 1);
}

function painted(
  phantom: Phantom,
  value: (cell: Phantom["cells"][number], index: number) => number | undefined,
): Uint8Array {
  const image = new Uint8Array(phantom.width * phantom.height);
  phantom.cells.forEach((cell, index) => {
    const paint = value(cell, index);
    if (paint === undefined) return;
    cell.mask.forEach((inside, at) => {
      if (inside)
        image[(cell.box.y + Math.floor(at / cell.box.width)) * phantom.width + cell.box.x + (at % cell.box.width)] =
          paint;
    });
  });
  return image;
}

function truthOf(phantom: Phantom, image: string, seed: number, index: number): PhantomTruth {
  return {
    schemaVersion: 1,
    image,
    className: phantom.className,
    seed,
    index,
    width: phantom.width,
    height: phantom.height,
    cells: phantom.cells.map((cell, at) => ({
      label: at + 1,
      className: cell.className,
      isSign: cell.isSign,
      box: cell.box,
      runs: runLengths(cell.mask),
    })),
  };
}

function runLengths(mask: Uint8Array): number[] {
  const runs: number[] = [];
  let value = 0,
    length = 0;
  for (const pixel of mask) {
    if (pixel === value) length++;
    else {
      runs.push(length);
      value = pixel;
      length = 1;
    }
  }
  return [...runs, length];
}

async function png(data: Uint8Array, { width, height }: Phantom, channels: 1 | 3, file: string): Promise<void> {
  const image = sharp(data, { raw: { width, height, channels } });
  await (channels === 1 ? image.toColourspace("b-w") : image).png({ compressionLevel: 6 }).toFile(file);
}
