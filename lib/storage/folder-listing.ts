import { type Dirent } from "node:fs";
import { readFile, readdir, stat } from "node:fs/promises";
import path from "node:path";
import { compareKeys, type ObjectKey } from "../contract/names";
import { isAbsent } from "./file-errors";
import { isPlain, oddFolder, plainPath, privateFolder } from "./folder-keys";

export interface Place {
  readonly key: ObjectKey;
  readonly file: string;
}

/**
 * The keys of a folder bucket under a prefix and after a key, in the order of their UTF-8 bytes, with the files that hold them.
 * Of the folders on the way to the current key the names are in memory, and nothing else.
 */
export async function* walkBucket(root: string, prefix: string, after: string): AsyncGenerator<Place> {
  const odd = await oddPlaces(root, prefix, after);
  let next = 0;
  for await (const place of walkFolder(root, "", prefix, after)) {
    for (let found = odd[next]; found && compareKeys(found.key, place.key) <= 0; found = odd[++next])
      if (found.key !== place.key) yield found;
    yield place;
  }
  yield* odd.slice(next);
}

async function* walkFolder(root: string, folderKey: string, prefix: string, after: string): AsyncGenerator<Place> {
  for (const { key, isFolder } of await sortedEntries(root, folderKey)) {
    if (isFolder) {
      const reachesPrefix = key.startsWith(prefix) || prefix.startsWith(key);
      const wholeFolderIsPast = compareKeys(key, after) < 0 && !after.startsWith(key);
      if (reachesPrefix && !wholeFolderIsPast) yield* walkFolder(root, key, prefix, after);
    } else if (key.startsWith(prefix) && (after === "" || compareKeys(key, after) > 0)) {
      yield { key: key as ObjectKey, file: plainPath(root, key) };
    }
  }
}

interface Entry {
  readonly key: string;
  readonly isFolder: boolean;
}

/** A folder's name ends in a slash here, which puts it where its contents belong among the files. */
async function sortedEntries(root: string, folderKey: string): Promise<Entry[]> {
  const folder = path.join(root, folderKey);
  const entries: Entry[] = [];
  for (const dirent of await readEntries(folder)) {
    if (folderKey === "" && dirent.name === privateFolder) continue;
    const isFolder = dirent.isDirectory();
    const isFile = dirent.isFile() || (dirent.isSymbolicLink() && (await pointsAtFile(path.join(folder, dirent.name))));
    const key = folderKey + dirent.name;
    if (isFolder) entries.push({ key: `${key}/`, isFolder });
    else if (isFile && isPlain(key)) entries.push({ key, isFolder });
  }
  return entries.sort((a, b) => compareKeys(a.key, b.key));
}

async function readEntries(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

const pointsAtFile = async (file: string): Promise<boolean> =>
  stat(file).then(
    (facts) => facts.isFile(),
    () => false,
  );

/** Objects whose keys are no paths: few, so that they are sorted in memory. */
async function oddPlaces(root: string, prefix: string, after: string): Promise<Place[]> {
  const folder = oddFolder(root);
  const names = new Set((await readEntries(folder)).map(({ name }) => name));
  const places: Place[] = [];
  for (const name of names) {
    const data = name.replace(/\.key$/, ".data");
    if (!name.endsWith(".key") || !names.has(data)) continue;
    const key = await readFile(path.join(folder, name), "utf8").catch(() => undefined);
    if (key !== undefined && key.startsWith(prefix) && (after === "" || compareKeys(key, after) > 0))
      places.push({ key: key as ObjectKey, file: path.join(folder, data) });
  }
  return places.sort((a, b) => compareKeys(a.key, b.key));
}
