import type { Cell, Nucleus, PhantomClass } from "./cell";
import { blob, polygon, type Contour } from "./contour";
import type { CounterRandom } from "../random/counter-random";
import { mixed, type Dye, type Stain } from "./stain";

/** Where a cell lies; `bounds` are straight borders to its neighbours in a sheet. */
export interface Place {
  readonly x: number;
  readonly y: number;
  readonly bounds?: readonly { angle: number; distance: number }[];
}

/** Draws one cell that carries the sign of a class, by its textbook morphology. */
export function signCell(random: CounterRandom, stain: Stain, className: PhantomClass, place: Place): Cell {
  return { ...kinds[className](random, stain, place), className, isSign: true, x: place.x, y: place.y };
}

/** A cell that belongs to no class's sign: a pale, folded intermediate cell with a vesicular nucleus. */
export function bystander(random: CounterRandom, stain: Stain, place: Place): Cell {
  const radius = random.uniform(38, 52);
  const cytoplasm = random.chance(0.65)
    ? polygon(random, radius, 5 + random.below(3), 13)
    : blob(random, radius, random.uniform(1.05, 1.5), 0.06);
  return {
    className: "Intermediate",
    isSign: false,
    x: place.x,
    y: place.y,
    cytoplasm,
    dye: squamousDye(random, stain),
    density: random.uniform(0.32, 0.65),
    dome: 0.1,
    rim: random.uniform(0.05, 0.3),
    texture: random.uniform(0.09, 0.17),
    folds: folds(random, radius, random.below(4)),
    nuclei: [
      nucleus(
        random,
        {
          radius: random.uniform(7.6, 9.2),
          elongation: 1.2,
          roughness: 0.02,
          density: random.uniform(0.5, 0.75),
          chromatin: 0.14,
        },
        radius * 0.2,
      ),
    ],
    defocus: random.chance(0.3) ? 1 : 0,
  };
}

type Drawn = Omit<Cell, "className" | "isSign" | "x" | "y">;

const kinds: Record<PhantomClass, (random: CounterRandom, stain: Stain, place: Place) => Drawn> = {
  // Large, flat, polygonal, transparent; the nucleus small, round and pyknotic.
  "Superficial-Intermediate": (random, stain) => {
    const radius = random.uniform(60, 76);
    return {
      cytoplasm: polygon(random, radius, 5 + random.below(3), 9),
      dye: random.chance(0.65) ? stain.eosinophilic : squamousDye(random, stain),
      density: random.uniform(0.5, 0.85),
      dome: 0,
      rim: random.uniform(0.1, 0.35),
      texture: 0.12,
      folds: folds(random, radius, 1 + random.below(4)),
      nuclei: [
        nucleus(
          random,
          {
            radius: random.uniform(3.9, 5),
            elongation: 1.15,
            roughness: 0.03,
            density: random.uniform(1.2, 1.5),
            chromatin: 0.03,
          },
          radius * 0.14,
        ),
      ],
      defocus: 0,
    };
  },
  // Small, round, thick and cyanophilic; the nucleus takes half of the width.
  Parabasal: (random, stain) => {
    const radius = random.uniform(19, 25);
    return {
      cytoplasm: blob(random, radius, random.uniform(1, 1.2), 0.03),
      dye: mixed(stain.cyanophilic, stain.haematoxylin, random.uniform(0.05, 0.16)),
      density: random.uniform(0.9, 1.25),
      dome: 0.35,
      rim: 0.18,
      texture: 0.12,
      folds: [],
      nuclei: [
        nucleus(
          random,
          {
            radius: radius * random.uniform(0.48, 0.58),
            elongation: 1.12,
            roughness: 0.025,
            density: random.uniform(0.72, 0.95),
            chromatin: 0.16,
          },
          radius * 0.1,
        ),
      ],
      defocus: 0,
    };
  },
  // A sharply bounded clear cavity about an enlarged, dark, wrinkled nucleus (often two), dense cytoplasm outside it.
  Koilocytotic: (random, stain) => {
    const radius = random.uniform(48, 60);
    const cytoplasm = polygon(random, radius, 5 + random.below(3), 15);
    const halo = blob(random, radius * random.uniform(0.42, 0.58), random.uniform(1.1, 1.5), 0.05).within(
      cytoplasm,
      0.72,
    );
    const offset = { x: random.normal(0, radius * 0.06), y: random.normal(0, radius * 0.06) };
    const kind = {
      radius: random.uniform(10, 12.5),
      elongation: random.uniform(1.1, 1.5),
      roughness: 0.13,
      density: random.uniform(1, 1.3),
      chromatin: 0.12,
    };
    const turn = random.uniform(0, 2 * Math.PI),
      apart = random.uniform(8, 11);
    const nuclei = random.chance(0.35)
      ? [1, -1].map((side) =>
          shifted(
            nucleus(random, { ...kind, radius: kind.radius * 0.82 }, 1),
            offset.x + side * apart * Math.cos(turn),
            offset.y + side * apart * Math.sin(turn),
          ),
        )
      : [shifted(nucleus(random, kind, radius * 0.08), offset.x, offset.y)];
    return {
      cytoplasm,
      dye: squamousDye(random, stain),
      density: random.uniform(0.6, 0.95),
      dome: 0,
      rim: 0.2,
      texture: 0.14,
      folds: folds(random, radius, random.below(2)),
      halo: { contour: halo, ...offset },
      nuclei,
      defocus: 0,
    };
  },
  // Cobblestones: medium cells with straight borders to their neighbours, dense cyanophilic cytoplasm, medium round nucleus.
  Metaplastic: (random, stain, place) => {
    const radius = random.uniform(30, 36);
    const outline = polygon(random, radius, 6, 20);
    return {
      cytoplasm: place.bounds ? outline.cut(place.bounds) : outline,
      dye: mixed(stain.cyanophilic, stain.eosinophilic, random.uniform(0, 0.3)),
      density: random.uniform(0.9, 1.2),
      dome: 0.3,
      rim: 0.45,
      texture: 0.15,
      folds: [],
      nuclei: [
        nucleus(
          random,
          {
            radius: random.uniform(9, 11),
            elongation: 1.15,
            roughness: 0.02,
            density: random.uniform(0.7, 0.9),
            chromatin: 0.15,
          },
          radius * 0.15,
        ),
      ],
      defocus: 0,
    };
  },
  // Thick, overlapping, prematurely keratinised: dense orange cytoplasm, small dark irregular nucleus.
  Dyskeratotic: (random, stain) => {
    const radius = random.uniform(20, 29);
    return {
      cytoplasm: random.chance(0.5)
        ? polygon(random, radius, 5, 18)
        : blob(random, radius, random.uniform(1.2, 1.8), 0.06),
      dye: mixed(stain.orangeophilic, stain.eosinophilic, random.uniform(0, 0.7)),
      density: random.uniform(0.5, 0.95),
      dome: 0.35,
      rim: 0.25,
      texture: 0.18,
      folds: [],
      nuclei: [
        nucleus(
          random,
          {
            radius: random.uniform(6, 8.2),
            elongation: random.uniform(1.1, 1.6),
            roughness: 0.1,
            density: random.uniform(1.1, 1.45),
            chromatin: 0.06,
          },
          radius * 0.18,
        ),
      ],
      defocus: 0,
    };
  },
};

interface NucleusKind {
  readonly radius: number;
  readonly elongation: number;
  readonly roughness: number;
  readonly density: number;
  readonly chromatin: number;
}

function nucleus(random: CounterRandom, kind: NucleusKind, scatter: number): Nucleus {
  const contour: Contour = blob(random, kind.radius, kind.elongation, kind.roughness);
  return {
    x: random.normal(0, scatter * 0.7),
    y: random.normal(0, scatter * 0.7),
    contour,
    density: kind.density,
    chromatin: kind.chromatin,
  };
}

function shifted(nucleus: Nucleus, x: number, y: number): Nucleus {
  return { ...nucleus, x: nucleus.x + x, y: nucleus.y + y };
}

function squamousDye(random: CounterRandom, stain: Stain): Dye {
  const share = random.chance(0.6) ? random.uniform(0, 0.2) : random.uniform(0.75, 1);
  return mixed(stain.cyanophilic, stain.eosinophilic, share);
}

function folds(random: CounterRandom, radius: number, count: number): Cell["folds"] {
  return Array.from({ length: count }, () => ({
    angle: random.uniform(0, Math.PI),
    offset: random.uniform(-0.7, 0.7) * radius,
    strength: random.uniform(0.25, 0.7),
  }));
}
