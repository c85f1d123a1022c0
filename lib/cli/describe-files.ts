import path from "node:path";
import type { ChosenFiles } from "../local/choose-files";

const mostNamed = 5;

/** "1 image", "2 images". */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

/** Decimal units, as disks are sold. */
export function sizeText(bytes: number): string {
  const unit = bytes < 1e3 ? 0 : bytes < 1e6 ? 1 : bytes < 1e9 ? 2 : 3;
  return unit === 0 ? counted(bytes, "byte") : `${(bytes / 1000 ** unit).toFixed(1)} ${["", "kB", "MB", "GB"][unit]}`;
}

/** What was chosen and what was not, a line each: the first says how many images and how large. */
export function describeFiles(chosen: ChosenFiles, also: readonly string[] = []): string[] {
  const { batch, files, bytes, leftAlone, labelImages, excluded, loops } = chosen;
  const unreadable = files.filter(({ problem }) => problem !== undefined);
  const first = [`Batch ${batch}: ${counted(files.length, "image")} (${sizeText(bytes)})`, ...also].join(", ");
  const lines = [
    leftAlone.length > 0
      ? `${first}; ${counted(leftAlone.length, "other file")} left alone${endings(leftAlone)}`
      : first,
  ];
  if (labelImages.length > 0)
    lines.push(
      `${counted(labelImages.length, "label image")} (masks named after the image beside them) left out: ${some(labelImages)}`,
    );
  if (excluded.length > 0) lines.push(`Left out by --exclude: ${some(excluded)}`);
  if (loops.length > 0)
    lines.push(`Not followed, for a link that leads to a folder it lies in never ends: ${some(loops)}`);
  if (unreadable.length > 0)
    lines.push(
      `${counted(unreadable.length, "file")} cannot be read and will fail by name: ${some(unreadable.map(({ to }) => to))}`,
    );
  return lines;
}

/** Every image with where it comes from, for a look before anything is done. */
export function listFiles({ files }: ChosenFiles): string[] {
  return files.map(({ from, to, bytes, problem }) => `  ${to}  (${problem ?? `${sizeText(bytes)}, ${from}`})`);
}

function endings(names: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of names) {
    const ending = path.extname(name).toLowerCase() || path.basename(name);
    counts.set(ending, (counts.get(ending) ?? 0) + 1);
  }
  const most = [...counts].toSorted(([, one], [, other]) => other - one).slice(0, mostNamed);
  return ` (${most.map(([ending, count]) => `${count} ${ending}`).join(", ")}${counts.size > mostNamed ? ", …" : ""})`;
}

const some = (names: readonly string[]): string =>
  `${names.slice(0, mostNamed).join(", ")}${names.length > mostNamed ? ` and ${names.length - mostNamed} more` : ""}`;
