/** An Einsum equation with every ellipsis spelt out: one letter an axis. */
export interface EinsumEquation {
  readonly terms: readonly string[];
  readonly output: string;
}

const letters = [..."abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"];

/** Reads an equation for operands of the given ranks, explicit or implicit ("ij,jk"). Undefined when letters run out. */
export function parseEinsum(equation: string, ranks: readonly number[]): EinsumEquation | undefined {
  const [left = "", right] = equation.replaceAll(" ", "").split("->");
  const parts = left.split(",");
  const spare = freeLetters(equation);
  const ellipsisRanks = parts.map((part, index) =>
    part.includes("...") ? (ranks[index] ?? 0) - part.replace("...", "").length : 0,
  );
  const dots = Math.max(0, ...ellipsisRanks);
  if (dots > spare.length) return undefined;
  // ellipses align at their last axis, as broadcasting does
  const shared = spare.slice(0, dots).join("");
  const terms = parts.map((part, index) => part.replace("...", shared.slice(dots - (ellipsisRanks[index] ?? 0))));
  return { terms, output: right === undefined ? shared + implicitOutput(parts) : right.replace("...", shared) };
}

/** Letters that an equation does not use. */
export function freeLetters(equation: string): string[] {
  return letters.filter((letter) => !equation.includes(letter));
}

/** Without "->" the output has the letters that appear exactly once, in the order of their character codes. */
function implicitOutput(parts: readonly string[]): string {
  const all = [...parts.join("").replaceAll(".", "")];
  return all
    .filter((letter) => all.indexOf(letter) === all.lastIndexOf(letter))
    .toSorted()
    .join("");
}
