import { canonicalJson } from "../contract/digests";

/** Settings and digests that make a run the run it is, under names that a person knows. */
export type TrainingIdentity = Readonly<Record<string, unknown>>;

/** What differs between two runs, as "rate: 0.001 there, 0.002 here"; nested settings are told apart one by one. */
export function differences(there: TrainingIdentity, here: TrainingIdentity): { name: string; text: string }[] {
  const [before, now] = [leavesOf(there), leavesOf(here)];
  const names = [...new Set([...before.keys(), ...now.keys()])];
  return names
    .filter((name) => before.get(name) !== now.get(name))
    .map((name) => ({ name, text: `${name}: ${shown(before.get(name))} there, ${shown(now.get(name))} here` }));
}

function leavesOf(value: unknown, prefix = ""): Map<string, string> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return new Map(value === undefined ? [] : [[prefix, canonicalJson(value)]]);
  return new Map(
    Object.entries(value).flatMap(([key, part]) => [...leavesOf(part, prefix === "" ? key : `${prefix}.${key}`)]),
  );
}

/** Digests are told by their first digits. */
function shown(leaf: string | undefined): string {
  if (leaf === undefined) return "none";
  return /^"[0-9a-f]{64}"$/.test(leaf) ? `${leaf.slice(1, 13)}…` : leaf;
}
