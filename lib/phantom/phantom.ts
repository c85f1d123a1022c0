import { UserError } from "../contract/errors";
import { fieldUnits, phantomClasses, type Cell, type PhantomClass } from "./cell";
import { CounterRandom } from "../random/counter-random";
import { drawDebris } from "./debris";
import { drawCell, type Brush, type DrawnShape } from "./draw-cell";
import { layoutCrop, layoutField } from "./layout";
import { NoiseTile } from "./noise-tile";
import { OpticalDensity } from "./optical-density";
import { drawStain, type Stain } from "./stain";

// Read once: looking up a global for every pixel costs time, most of all in a test runner's sandbox.
const { abs, exp, max, min, round } = Math;

/** What is known about one cell, in pixels of the image. */
export interface CellTruth {
  readonly className: PhantomClass | "Intermediate";
  /** Whether this cell carries the sign of the image's class. */
  readonly isSign: boolean;
  readonly box: DrawnShape["box"];
  /** 1 inside the cell, 0 outside; row by row over `box`. */
  readonly mask: Uint8Array;
  /** All nuclei of the cell together; undefined when none lies within the image. */
  readonly nucleus: DrawnShape | undefined;
}

export interface Phantom {
  readonly width: number;
  readonly height: number;
  /** Interleaved RGB. */
  readonly data: Uint8Array;
  readonly className: PhantomClass;
  readonly cells: readonly CellTruth[];
}

export interface PhantomOptions {
  readonly className: PhantomClass;
  /** Width and height in pixels; the content does not depend on it. */
  readonly size: number;
  readonly seed: number;
  /** Tells the images of one seed apart. */
  readonly index: number;
}

/** Side of the square that a crop shows, in the units of a field. */
const cropUnits = 176;
const smallestSize = 32,
  largestSize = 4096;

/**
 * A field of a Pap smear that never was: overlapping translucent cells in Papanicolaou colours, of which a few carry the sign of one class.
 * The same options give the same image, bit for bit, on one machine.
 * @throws UserError "phantom.size" for a size outside 32 to 4096
 */
export function phantomField(options: PhantomOptions): Phantom {
  const random = randomFor(options, 0);
  const stain = drawStain(random);
  return render(random, stain, options, layoutField(random, stain, options.className), fieldUnits, true);
}

/** One isolated cell of a class in the middle of the image (for metaplastic and dyskeratotic cells with two neighbours). */
export function phantomCell(options: PhantomOptions): Phantom {
  const random = randomFor(options, 1);
  const stain = drawStain(random);
  const cells = layoutCrop(random, stain, options.className);
  const x = cropUnits / 2 + random.normal(0, 4),
    y = cropUnits / 2 + random.normal(0, 4);
  return render(
    random,
    stain,
    options,
    cells.map((cell) => ({ ...cell, x: cell.x + x, y: cell.y + y })),
    cropUnits,
    false,
  );
}

function randomFor(options: PhantomOptions, kind: number): CounterRandom {
  if (!Number.isInteger(options.size) || options.size < smallestSize || options.size > largestSize) {
    throw new UserError(
      "phantom.size",
      `Expected a whole number from ${smallestSize} to ${largestSize} for the size of a phantom but received ${options.size}`,
    );
  }
  return new CounterRandom(options.seed, phantomClasses.indexOf(options.className), options.index, kind);
}

function render(
  random: CounterRandom,
  stain: Stain,
  options: PhantomOptions,
  cells: readonly Cell[],
  units: number,
  withDebris: boolean,
): Phantom {
  const { size, className } = options;
  const scale = size / units;
  const focus = random.uniform(0.35, 1.05);
  const brush: Brush = {
    density: new OpticalDensity(size, size),
    haematoxylin: stain.haematoxylin,
    scale,
    cloud: new NoiseTile(random, 32, 4, 0.65),
    grain: new NoiseTile(random, 8, 2, 0.8),
    sharpBlur: focus * scale,
    softBlur: (focus + random.uniform(1.6, 3)) * scale,
  };
  if (withDebris) drawDebris(random, brush, stain);
  const truths: CellTruth[] = [];
  for (const cell of cells) {
    const drawn = drawCell(brush, cell);
    if (drawn) truths.push({ className: cell.className, isSign: cell.isSign, ...drawn.cell, nucleus: drawn.nucleus });
  }
  return { width: size, height: size, className, cells: truths, data: develop(random, brush, stain, size) };
}

/** Light through the slide: Beer and Lambert, an uneven lamp, and the camera's noise. */
function develop(random: CounterRandom, brush: Brush, stain: Stain, size: number): Uint8Array {
  const density = brush.density.focused();
  const image = new Uint8Array(3 * size * size);
  const tiltX = random.normal(0, 0.025),
    tiltY = random.normal(0, 0.025),
    noise = random.uniform(0.8, 2.2),
    ground = random.uniform(0.001, 0.006);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const u = column / size - 0.5,
        v = row / size - 0.5;
      const lamp = 1 + tiltX * u * 2 + tiltY * v * 2 - 0.06 * (u * u + v * v);
      const film = ground * abs(brush.cloud.at((column / brush.scale) * 0.4, (row / brush.scale) * 0.4));
      const jitter = noise * brush.grain.at(column * 1.7 + 31, row * 1.7);
      const at = 3 * (row * size + column);
      for (let channel = 0; channel < 3; channel++) {
        const light =
          255 * (stain.background[channel] as number) * lamp * exp(-(density[at + channel] as number) - film);
        image[at + channel] = max(0, min(255, round(light + jitter)));
      }
    }
  }
  return image;
}
