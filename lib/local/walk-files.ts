import type { Dirent } from "node:fs";
import { access, constants, readdir, readlink, realpath, stat } from "node:fs/promises";
import path from "node:path";
import { errorCode } from "../storage/file-errors";

/** What lies in a folder or below it, by its path inside it. */
type Found =
  | { readonly kind: "file"; readonly inside: string; readonly bytes: number }
  /** A file, link or folder that the system does not give, and why. */
  | { readonly kind: "unreadable"; readonly inside: string; readonly reason: string }
  /** A link to a folder that it lies in itself: following it would never end. */
  | { readonly kind: "loop"; readonly inside: string }
  | { readonly kind: "excluded"; readonly inside: string };

/** The line in the table that a folder has whose contents nobody can list. */
const wholeFolder = "(this folder)";
const hidden = /^\.|^Thumbs\.db$|^desktop\.ini$/i;

/**
 * Everything in a folder and below it, in the order of names; hidden files are left out. Links are followed, under their own
 * names. What cannot be read is said, never thrown.
 */
export async function* walkFiles(
  folder: string,
  isExcluded: (inside: string) => boolean = () => false,
): AsyncGenerator<Found> {
  yield* walk(folder, "", [], isExcluded);
}

async function* walk(
  folder: string,
  below: string,
  above: readonly string[],
  isExcluded: (inside: string) => boolean,
): AsyncGenerator<Found> {
  const place = path.join(folder, below);
  let entries: Dirent<Buffer>[];
  let chain: readonly string[];
  try {
    entries = await readdir(place, { withFileTypes: true, encoding: "buffer" });
    chain = [...above, await realpath(place)];
  } catch (error) {
    yield { kind: "unreadable", inside: path.join(below, wholeFolder), reason: reasonOf(error, "folder") };
    return;
  }
  const named = entries.map((entry) => ({ entry, name: entry.name.toString("utf8") }));
  for (const { entry, name } of named.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (hidden.test(name)) continue;
    const isUtf8 = Buffer.from(name, "utf8").equals(entry.name);
    const inside = path.join(below, isUtf8 ? name : escaped(entry.name));
    if (isExcluded(inside)) yield { kind: "excluded", inside };
    else if (!isUtf8)
      yield {
        kind: "unreadable",
        inside,
        reason: `Expected a name in UTF-8 but received other bytes (${inside}); rename it`,
      };
    else if (entry.isDirectory()) yield* walk(folder, inside, chain, isExcluded);
    else if (entry.isSymbolicLink() && (await leadsToFolder(path.join(folder, inside)))) {
      if (await isLoop(path.join(folder, inside), chain)) yield { kind: "loop", inside };
      else yield* walk(folder, inside, chain, isExcluded);
    } else yield { ...(await lookAt(path.join(folder, inside))), inside };
  }
}

type Looked =
  | { readonly kind: "file"; readonly bytes: number }
  | { readonly kind: "unreadable"; readonly reason: string };

/** Whether a file can be read, and its size; links are followed. Pipes and devices are not opened: that may never end. */
export async function lookAt(file: string): Promise<Looked> {
  try {
    const facts = await stat(file);
    if (!facts.isFile())
      return { kind: "unreadable", reason: "Expected a file but received a pipe, a socket or a device" };
    await access(file, constants.R_OK);
    return { kind: "file", bytes: facts.size };
  } catch (error) {
    const target = await readlink(file).catch(() => undefined);
    if (target !== undefined && ["ENOENT", "ENOTDIR", "ELOOP"].includes(errorCode(error) ?? ""))
      return {
        kind: "unreadable",
        reason: `Expected a file but received a link to ${target}, which ${errorCode(error) === "ELOOP" ? "leads round in a circle" : "is not there"}`,
      };
    return { kind: "unreadable", reason: reasonOf(error, "file") };
  }
}

/** Why the system does not give a file or folder, as a sentence. */
export function reasonOf(error: unknown, what: "file" | "folder"): string {
  const code = errorCode(error);
  const why =
    code === "EACCES" || code === "EPERM"
      ? `this user may not read it (${code})`
      : code === "ENOENT"
        ? "it is not there any more (ENOENT)"
        : `the system says: ${(error as Error).message}`;
  return `Expected a ${what} that can be read but ${why}`;
}

const leadsToFolder = (link: string): Promise<boolean> =>
  stat(link).then(
    (facts) => facts.isDirectory(),
    () => false,
  );

async function isLoop(link: string, chain: readonly string[]): Promise<boolean> {
  const target = await realpath(link).catch(() => undefined);
  if (target === undefined) return false;
  return chain.some((folder) => folder === target || folder.startsWith(target.replace(/[\\/]?$/, path.sep)));
}

/** Bytes that are no UTF-8 as %E9, so that two such names stay two. */
function escaped(name: Buffer): string {
  return [...name.toString("latin1")]
    .map((letter) => (letter > "~" ? `%${letter.charCodeAt(0).toString(16).toUpperCase()}` : letter))
    .join("");
}
