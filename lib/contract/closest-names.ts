const shown = 5;
const mostListed = 40;

/** Less alike, a guess would lead astray. */
const farthestGuess = 0.65;

/** "Unknown method "gradcam"; did you mean grad-cam?", or all that there are where nothing is like it. */
export function unknownName(what: string, asked: string, known: readonly string[]): string {
  const [closest] = byDistance(asked, known);
  const unknown = `Unknown ${what} ${JSON.stringify(asked)}`;
  if (closest && closest.distance <= farthestGuess) return `${unknown}; did you mean ${closest.name}?`;
  return known.length <= mostListed ? `${unknown}; expected one of ${known.join(", ")}` : unknown;
}

/** The names most like the one asked for, nearest first, for error messages. */
export function closestNames(asked: string, known: readonly string[], count: number = shown): string[] {
  return byDistance(asked, known)
    .slice(0, count)
    .map(({ name }) => `"${name}"`);
}

const byDistance = (asked: string, known: readonly string[]): { name: string; distance: number }[] =>
  known
    .map((name) => ({ name, distance: distance(asked.toLowerCase(), name.toLowerCase()) }))
    .toSorted((a, b) => a.distance - b.distance);

/** How unlike two names are: 1 minus twice their shared letter pairs over all their pairs (Sørensen–Dice). */
function distance(a: string, b: string): number {
  const pairs = letterPairs(a);
  const others = letterPairs(b);
  const total = pairs.length + others.length;
  let shared = 0;
  for (const pair of pairs) {
    const index = others.indexOf(pair);
    if (index < 0) continue;
    others.splice(index, 1);
    shared++;
  }
  return total === 0 ? Number(a !== b) : 1 - (2 * shared) / total;
}

function letterPairs(text: string): string[] {
  const padded = ` ${text} `;
  return Array.from({ length: padded.length - 1 }, (_, index) => padded.slice(index, index + 2));
}
