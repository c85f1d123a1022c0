const shown = 5;

/** The names most like the one asked for, nearest first, for error messages. */
export function closestNames(asked: string, known: readonly string[], count: number = shown): string[] {
  const distances = known.map((name) => ({ name, distance: distance(asked.toLowerCase(), name.toLowerCase()) }));
  return distances
    .toSorted((a, b) => a.distance - b.distance)
    .slice(0, count)
    .map(({ name }) => `"${name}"`);
}

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
