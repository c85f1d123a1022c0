import { fieldUnits } from "./cell";
import { blob } from "./contour";
import type { CounterRandom } from "../random/counter-random";
import type { Brush } from "./draw-cell";
import { addDye } from "./optical-density";
import { mixed, type Dye, type Stain } from "./stain";

// Read once: looking up a global for every pixel costs time, most of all in a test runner's sandbox.
const { ceil, cos, floor, max, min, round, sin, sqrt } = Math;

/** Draws what lies between the cells of any smear: neutrophils, bacteria, mucus, specks. It carries no class. */
export function drawDebris(random: CounterRandom, brush: Brush, stain: Stain): void {
  const dirt = random.uniform(0.2, 1);
  for (let count = round(dirt * 3 * random.uniform()); count > 0; count--) mucus(random, brush, stain);
  const gathering = { x: random.uniform(0, fieldUnits), y: random.uniform(0, fieldUnits) };
  for (let count = round(dirt * random.uniform(4, 26)); count > 0; count--) {
    const near = random.chance(0.5);
    neutrophil(
      random,
      brush,
      stain,
      near ? random.normal(gathering.x, 60) : random.uniform(0, fieldUnits),
      near ? random.normal(gathering.y, 60) : random.uniform(0, fieldUnits),
    );
  }
  for (let count = round(dirt * random.uniform(10, 120)); count > 0; count--) bacterium(random, brush, stain);
  for (let count = round(dirt * random.uniform(2, 10)); count > 0; count--) {
    disc(
      brush,
      random.uniform(0, fieldUnits),
      random.uniform(0, fieldUnits),
      random.uniform(1, 2.6),
      stain.haematoxylin,
      random.uniform(0.2, 0.7),
      random.chance(0.5),
    );
  }
}

/** A pale body with a nucleus of two to four lobes. */
function neutrophil(random: CounterRandom, brush: Brush, stain: Stain, x: number, y: number): void {
  const soft = random.chance(0.4);
  disc(
    brush,
    x,
    y,
    random.uniform(7.5, 9.5),
    mixed(stain.cyanophilic, stain.eosinophilic, random.uniform()),
    random.uniform(0.25, 0.5),
    soft,
    random,
  );
  const lobes = 2 + random.below(3),
    turn = random.uniform(0, 2 * Math.PI),
    density = random.uniform(0.9, 1.25);
  for (let lobe = 0; lobe < lobes; lobe++) {
    const angle = turn + (lobe * 4) / lobes;
    disc(
      brush,
      x + 3.3 * cos(angle),
      y + 3.3 * sin(angle),
      random.uniform(2.5, 3.5),
      stain.haematoxylin,
      density,
      soft,
      random,
    );
  }
}

function bacterium(random: CounterRandom, brush: Brush, stain: Stain): void {
  const x = random.uniform(0, fieldUnits),
    y = random.uniform(0, fieldUnits),
    angle = random.uniform(0, Math.PI),
    length = random.uniform(3, 8);
  const density = random.uniform(0.08, 0.3),
    soft = random.chance(0.5);
  for (let along = -length / 2; along <= length / 2; along += 0.8) {
    disc(brush, x + along * cos(angle), y + along * sin(angle), 0.7, stain.haematoxylin, density, soft);
  }
}

/** A wavering strand of faintly stained mucus. */
function mucus(random: CounterRandom, brush: Brush, stain: Stain): void {
  const dye = mixed(stain.cyanophilic, stain.eosinophilic, random.uniform());
  let x = random.uniform(0, fieldUnits),
    y = random.uniform(0, fieldUnits),
    angle = random.uniform(0, 2 * Math.PI);
  const width = random.uniform(2, 9),
    density = random.uniform(0.03, 0.09),
    bend = random.normal(0, 0.02);
  for (let step = 0; step < 110; step++) {
    angle += bend + random.normal(0, 0.07);
    x += 3 * cos(angle);
    y += 3 * sin(angle);
    disc(brush, x, y, width * random.uniform(0.8, 1.1), dye, density * random.uniform(0.6, 1), true);
  }
}

/** A spot with a soft margin; with `random`, of irregular outline. */
function disc(
  brush: Brush,
  x: number,
  y: number,
  radius: number,
  dye: Dye,
  density: number,
  soft: boolean,
  random?: CounterRandom,
): void {
  const { width, height } = brush.density;
  const layer = brush.density.layer(soft ? brush.softBlur : brush.sharpBlur);
  const outline = random && blob(random, radius, random.uniform(1, 1.3), 0.05);
  const reach = (outline?.largest ?? radius) + 1;
  const left = max(0, floor((x - reach) * brush.scale)),
    right = min(width - 1, ceil((x + reach) * brush.scale));
  const top = max(0, floor((y - reach) * brush.scale)),
    bottom = min(height - 1, ceil((y + reach) * brush.scale));
  for (let row = top; row <= bottom; row++) {
    for (let column = left; column <= right; column++) {
      const dx = (column + 0.5) / brush.scale - x,
        dy = (row + 0.5) / brush.scale - y;
      const inside = (outline ? outline.radiusTowards(dx, dy) : radius) - sqrt(dx * dx + dy * dy);
      const cover = min(1, max(0, inside * brush.scale + 0.5));
      if (cover > 0) addDye(layer, row * width + column, dye, cover * density);
    }
  }
}
