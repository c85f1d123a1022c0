import { CounterRandom } from "../random/counter-random";
import type { DataSet, LabelledFile } from "./data-set";

/**
 * Deals the images into parts of the given shares, every group into one part, so that each part has its share of every class as nearly as
 * groups allow: groups that hold most of a class come first, each goes where the sum over classes and parts of
 * (share reached)² rises least. The same data give the same parts.
 * @param groupOf the group of an image; without groups, the image's own name
 */
export function dealGroups(
  { classes, files }: DataSet,
  groupOf: (file: LabelledFile) => string,
  shares: readonly number[],
): LabelledFile[][] {
  const totals = classes.map((_, label) => files.filter((file) => file.label === label).length);
  const groups = new Map<string, LabelledFile[]>();
  for (const file of files) {
    const group = groupOf(file);
    const members = groups.get(group);
    if (members) members.push(file);
    else groups.set(group, [file]);
  }
  const counted = new CounterRandom(1).shuffle([...groups.keys()].sort()).map((name) => {
    const members = groups.get(name) ?? [];
    const counts = classes.map((_, label) => members.filter((file) => file.label === label).length);
    return { members, counts, weight: sum(counts.map((count, label) => count / (totals[label] ?? 1))) };
  });
  const parts = shares.map((share) => ({ share, files: [] as LabelledFile[], counts: classes.map(() => 0) }));
  for (const { members, counts } of counted.sort((a, b) => b.weight - a.weight)) {
    const rise = ({ share, counts: held }: (typeof parts)[number]): number =>
      sum(counts.map((count, label) => (count * (count + 2 * (held[label] ?? 0))) / (totals[label] ?? 1) ** 2)) / share;
    const [part] = parts.toSorted((a, b) => rise(a) - rise(b));
    part?.files.push(...members);
    counts.forEach((count, label) => part && (part.counts[label] = (part.counts[label] ?? 0) + count));
  }
  const order = new Map(files.map((file, index) => [file.name, index]));
  return parts.map((part) => part.files.sort((a, b) => (order.get(a.name) ?? 0) - (order.get(b.name) ?? 0)));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
