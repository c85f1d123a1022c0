import { fieldUnits, type Cell, type PhantomClass } from "./cell";
import { bystander, signCell, type Place } from "./cell-kinds";
import type { CounterRandom } from "../random/counter-random";
import type { Stain } from "./stain";

/** Plans the cells of a field: one or more groups that carry the class's sign among bystanders that do not. */
export function layoutField(random: CounterRandom, stain: Stain, className: PhantomClass): Cell[] {
  const signs = groups[className](random).map((place) => signCell(random, stain, className, place));
  const others: Cell[] = [];
  const wanted = 12 + random.below(10);
  for (let attempt = 0; attempt < 16 * wanted && others.length < wanted; attempt++) {
    const cell = bystander(random, stain, {
      x: random.uniform(-10, fieldUnits + 10),
      y: random.uniform(-10, fieldUnits + 10),
    });
    // Bystanders overlap each other freely, but leave the signs to be seen.
    const hides = signs.some((sign) => distance(sign, cell) < 0.72 * (sign.cytoplasm.largest + cell.cytoplasm.largest));
    const crowds = others.some(
      (other) => distance(other, cell) < 0.45 * (other.cytoplasm.largest + cell.cytoplasm.largest),
    );
    if (!hides && !crowds) others.push(cell);
  }
  return [...others, ...signs];
}

/** Plans one cell (or, for what only occurs in groups, a small group) about the origin. */
export function layoutCrop(random: CounterRandom, stain: Stain, className: PhantomClass): Cell[] {
  const around =
    className === "Metaplastic"
      ? sheet(random, 3, 0, 0)
      : className === "Dyskeratotic"
        ? heap(random, 3, 0, 0, 17)
        : [{ x: 0, y: 0 }];
  const places = [...around].sort((a, b) => Math.hypot(a.x, a.y) - Math.hypot(b.x, b.y));
  const first = places[0] ?? { x: 0, y: 0 };
  return places.map((place) =>
    signCell(random, stain, className, { ...place, x: place.x - first.x, y: place.y - first.y }),
  );
}

const groups: Record<PhantomClass, (random: CounterRandom) => Place[]> = {
  "Superficial-Intermediate": (random) => scattered(random, 3 + random.below(2), 66, 0.8),
  Koilocytotic: (random) => scattered(random, 2 + random.below(3), 56, 0.85),
  Parabasal: (random) => scattered(random, 5 + random.below(6), 24, 0.95),
  Metaplastic: (random) =>
    grouped(random, 1 + random.below(2), 110, (x, y) => sheet(random, 5 + random.below(6), x, y)),
  Dyskeratotic: (random) =>
    grouped(random, 1 + random.below(2), 90, (x, y) => heap(random, 6 + random.below(6), x, y, 21)),
};

/** Single cells, nearer to each other than `closeness` diameters only by chance failing to find room. */
function scattered(random: CounterRandom, count: number, radius: number, closeness: number): Place[] {
  const places: Place[] = [];
  const home = { x: random.uniform(0.3, 0.7) * fieldUnits, y: random.uniform(0.3, 0.7) * fieldUnits };
  for (let attempt = 0; attempt < 400 && places.length < count; attempt++) {
    const place = { x: random.normal(home.x, 110), y: random.normal(home.y, 110) };
    const inside = [place.x, place.y].every((at) => at > radius * 0.8 && at < fieldUnits - radius * 0.8);
    if (inside && places.every((other) => distance(other, place) > 2 * radius * closeness)) places.push(place);
  }
  return places;
}

function grouped(
  random: CounterRandom,
  count: number,
  reach: number,
  group: (x: number, y: number) => Place[],
): Place[] {
  const centres: Place[] = [];
  for (let attempt = 0; attempt < 100 && centres.length < count; attempt++) {
    const centre = { x: random.uniform(0.2, 0.8) * fieldUnits, y: random.uniform(0.2, 0.8) * fieldUnits };
    if (centres.every((other) => distance(other, centre) > 2 * reach)) centres.push(centre);
  }
  return centres.flatMap(({ x, y }) => group(x, y));
}

/** A sheet of cells side by side on a jittered hexagonal lattice, with borders half-way to each neighbour. */
function sheet(random: CounterRandom, count: number, x: number, y: number): Place[] {
  const pitch = 54,
    turn = random.uniform(0, Math.PI);
  const lattice: Place[] = [];
  for (let row = -3; row <= 3; row++) {
    for (let column = -3; column <= 3; column++) {
      const u = (column + (row & 1) / 2) * pitch + random.normal(0, 4),
        v = row * pitch * 0.866 + random.normal(0, 4);
      lattice.push({ x: x + u * Math.cos(turn) - v * Math.sin(turn), y: y + u * Math.sin(turn) + v * Math.cos(turn) });
    }
  }
  const lean = random.uniform(0, Math.PI);
  const from = (place: Place) =>
    Math.hypot(place.x - x, place.y - y) + 14 * Math.cos(2 * (Math.atan2(place.y - y, place.x - x) - lean));
  const chosen = lattice.sort((a, b) => from(a) - from(b)).slice(0, count);
  return chosen.map((place) => ({
    ...place,
    bounds: chosen
      .filter((other) => other !== place && distance(other, place) < 1.6 * pitch)
      .map((other) => ({
        angle: Math.atan2(other.y - place.y, other.x - place.x),
        distance: distance(other, place) / 2 - 1.2,
      })),
  }));
}

/** A heap of cells on top of each other. */
function heap(random: CounterRandom, count: number, x: number, y: number, spread: number): Place[] {
  const places: Place[] = [];
  for (let attempt = 0; attempt < 300 && places.length < count; attempt++) {
    const widening = spread * (1 + attempt / 100);
    const place = { x: random.normal(x, widening), y: random.normal(y, widening) };
    if (places.every((other) => distance(other, place) > 17)) places.push(place);
  }
  return places;
}

function distance(a: Place, b: Place): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
