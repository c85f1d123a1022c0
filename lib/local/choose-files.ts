import { lstat, stat } from "node:fs/promises";
import path from "node:path";
import type { FileToUpload } from "../bucket/upload-files";
import { UserError } from "../contract/errors";
import { labelImagesAmong } from "../contract/label-images";
import { batchName, type BatchName } from "../contract/names";
import { readyMarkerKey, batchSettingsKey, incomingBatchPrefix } from "../contract/object-keys";
import { isAbsent } from "../storage/file-errors";
import { namePattern } from "./name-pattern";
import { lookAt, reasonOf, walkFiles } from "./walk-files";

interface ChosenFile extends FileToUpload {
  /** 0 for a file that cannot be read. */
  readonly bytes: number;
}

export interface ChosenFiles {
  readonly batch: BatchName;
  /** Files with their paths inside the batch; one with a `problem` cannot be read, and is in the batch to fail by name. */
  readonly files: readonly ChosenFile[];
  /** Of all files together. */
  readonly bytes: number;
  /** Files of a folder that are nothing like an image. */
  readonly leftAlone: readonly string[];
  /** Label images (masks) beside the images they belong to, left out. */
  readonly labelImages: readonly string[];
  /** Left out because a pattern asked for it; a folder is one entry. */
  readonly excluded: readonly string[];
  /** Links to a folder that they lie in themselves, not followed. */
  readonly loops: readonly string[];
}

/** Formats that are read, and those people will try: their refusal belongs in the report. */
const imageLike = /\.(jpe?g|png|tiff?|webp|bmp|gif|svg|pdf|heic|heif|avif|jp2|jpx|j2k|svs|ndpi|mrxs|scn|vms|bif)$/i;

interface Choice {
  /** The batch's name; by default that of the only path. */
  readonly batch?: string | undefined;
  /** Patterns of names or paths to leave out (see `namePattern`). */
  readonly exclude?: readonly string[] | undefined;
}

/** What people name on the command line: folders with all images below them, and single files whatever they are called. */
export async function chooseFiles(
  paths: readonly string[],
  { batch: name, exclude = [] }: Choice = {},
): Promise<ChosenFiles> {
  const batch = batchNamed(name ?? (paths.length === 1 && paths[0] ? path.basename(path.resolve(paths[0])) : "images"));
  const patterns = exclude.map(namePattern);
  const isExcluded = (inside: string): boolean => patterns.some((matches) => matches(inside));
  const files = new Map<string, ChosenFile>();
  const left = {
    leftAlone: [] as string[],
    labelImages: [] as string[],
    excluded: [] as string[],
    loops: [] as string[],
  };
  for (const given of paths) {
    if (!(await isFolder(given))) {
      addFile(files, path.basename(given), given, await lookAt(given));
      continue;
    }
    const found = await imagesBelow(given, isExcluded, left);
    const labels = labelsAmong(found.map(({ inside }) => inside));
    for (const { inside, ...looked } of found) {
      const to = inside.split(path.sep).join("/");
      if (labels.has(inside)) left.labelImages.push(inside);
      else if (isReserved(batch, to)) left.leftAlone.push(inside);
      else addFile(files, to, path.join(given, inside), looked);
    }
  }
  if (files.size === 0)
    throw new UserError("run.no-images", `Expected at least one image in ${paths.join(", ")} but found none`);
  const chosen = [...files.values()];
  return { batch, files: chosen, bytes: chosen.reduce((sum, { bytes }) => sum + bytes, 0), ...left };
}

type Looked = { readonly bytes: number } | { readonly reason: string };

/** What is like an image, or cannot be told because it cannot be read; the rest is noted in `left`. */
async function imagesBelow(
  folder: string,
  isExcluded: (inside: string) => boolean,
  left: { readonly leftAlone: string[]; readonly excluded: string[]; readonly loops: string[] },
): Promise<(Looked & { readonly inside: string })[]> {
  const found: (Looked & { readonly inside: string })[] = [];
  for await (const entry of walkFiles(folder, isExcluded)) {
    const { kind, inside } = entry;
    if (kind === "loop") left.loops.push(inside);
    else if (kind === "excluded") left.excluded.push(inside);
    else if (!imageLike.test(inside) && path.extname(inside) !== "") left.leftAlone.push(inside);
    else found.push(kind === "file" ? { inside, bytes: entry.bytes } : { inside, reason: entry.reason });
  }
  return found;
}

function labelsAmong(paths: readonly string[]): ReadonlySet<string> {
  const byFolder = new Map<string, string[]>();
  for (const inside of paths) {
    const names = byFolder.get(path.dirname(inside)) ?? [];
    names.push(path.basename(inside));
    byFolder.set(path.dirname(inside), names);
  }
  return new Set(
    [...byFolder].flatMap(([folder, names]) => [...labelImagesAmong(names)].map((name) => path.join(folder, name))),
  );
}

/** Names that mean something else inside a batch. */
function isReserved(batch: BatchName, to: string): boolean {
  const key = `${incomingBatchPrefix(batch)}${to}`;
  return key === readyMarkerKey(batch) || key === batchSettingsKey(batch);
}

async function isFolder(given: string): Promise<boolean> {
  try {
    return (await stat(given)).isDirectory();
  } catch (error) {
    // A link that leads nowhere, as `images/*` names it, is one image that fails.
    if (await isLink(given)) return false;
    if (isAbsent(error))
      throw new UserError("run.not-found", `Expected a folder of images or an image at ${given} but nothing is there`);
    throw new UserError("file.unreadable", `${given}: ${reasonOf(error, "file")}`, { cause: error });
  }
}

const isLink = (given: string): Promise<boolean> =>
  lstat(given).then(
    (facts) => facts.isSymbolicLink(),
    () => false,
  );

function addFile(files: Map<string, ChosenFile>, wanted: string, from: string, looked: Looked): void {
  const { dir, name, ext } = path.posix.parse(wanted);
  let to = wanted;
  for (let number = 2; files.has(to) && files.get(to)?.from !== from; number++)
    to = path.posix.join(dir, `${name} (${number})${ext}`);
  files.set(to, "bytes" in looked ? { from, to, bytes: looked.bytes } : { from, to, bytes: 0, problem: looked.reason });
}

function batchNamed(text: string): BatchName {
  const parsed = batchName.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new UserError(
    "batch.name",
    `${parsed.error.issues[0]?.message ?? "Expected a batch name"} but received ${JSON.stringify(text)}; choose one with --batch`,
  );
}
