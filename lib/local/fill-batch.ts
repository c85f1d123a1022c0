import { constants } from "node:fs";
import { copyFile, link, lstat, mkdir, readdir, readFile, stat, unlink } from "node:fs/promises";
import path from "node:path";
import { sha256Of } from "../contract/digests";
import { UserError } from "../contract/errors";
import { batchName, type BatchName } from "../contract/names";
import { incomingBatchPrefix } from "../contract/object-keys";

export interface ChosenFiles {
  readonly batch: BatchName;
  /** Files with their paths inside the batch. */
  readonly files: readonly { readonly from: string; readonly to: string }[];
  /** Files of a folder that are nothing like an image, by their extension. */
  readonly leftAlone: readonly string[];
}

/** Formats that are read, and those people will try: their refusal belongs in the report. */
const imageLike = /\.(jpe?g|png|tiff?|webp|bmp|gif|svg|pdf|heic|heif|avif|jp2|jpx|j2k|svs|ndpi|mrxs|scn|vms|bif)$/i;
const hidden = /^\.|^Thumbs\.db$|^desktop\.ini$/i;

/** What people name on the command line: folders with all images below them, and single files whatever they are called. */
export async function chooseFiles(paths: readonly string[], name?: string): Promise<ChosenFiles> {
  const files = new Map<string, string>();
  const leftAlone: string[] = [];
  for (const given of paths) {
    const facts = await stat(given).catch(() => undefined);
    if (!facts)
      throw new UserError("run.not-found", `Expected a folder of images or an image at ${given} but nothing is there`);
    if (!facts.isDirectory()) addFile(files, path.basename(given), given);
    else
      for await (const inside of filesBelow(given)) {
        if (imageLike.test(inside) || path.extname(inside) === "")
          addFile(files, inside.split(path.sep).join("/"), path.join(given, inside));
        else leftAlone.push(inside);
      }
  }
  if (files.size === 0)
    throw new UserError("run.no-images", `Expected at least one image in ${paths.join(", ")} but found none`);
  return {
    batch: batchNamed(name ?? (paths.length === 1 && paths[0] ? path.basename(path.resolve(paths[0])) : "images")),
    files: [...files].map(([to, from]) => ({ to, from })),
    leftAlone,
  };
}

/** Puts the files into the bucket's drop folder: as further names of the same files where the disk allows, else as copies. */
export async function fillBatch(bucket: string, { batch, files }: ChosenFiles): Promise<void> {
  for (const { from, to } of files) {
    const target = path.join(bucket, incomingBatchPrefix(batch), to);
    if (await isSameFile(from, target)) continue;
    await mkdir(path.dirname(target), { recursive: true });
    await unlink(target).catch(() => undefined);
    await link(from, target).catch(() => copyFile(from, target, constants.COPYFILE_FICLONE));
  }
}

/** Files of a folder and of those in it, as paths inside it, in the order of their names; hidden ones are left out. */
export async function* filesBelow(folder: string, below = ""): AsyncGenerator<string> {
  const entries = await readdir(path.join(folder, below), { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (hidden.test(entry.name)) continue;
    const inside = path.join(below, entry.name);
    if (entry.isDirectory()) yield* filesBelow(folder, inside);
    else if (entry.isFile() || entry.isSymbolicLink()) yield inside;
  }
}

function addFile(files: Map<string, string>, wanted: string, from: string): void {
  const { dir, name, ext } = path.posix.parse(wanted);
  let to = wanted;
  for (let number = 2; files.has(to) && files.get(to) !== from; number++)
    to = path.posix.join(dir, `${name} (${number})${ext}`);
  files.set(to, from);
}

function batchNamed(text: string): BatchName {
  const parsed = batchName.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new UserError(
    "batch.name",
    `${parsed.error.issues[0]?.message ?? "Expected a batch name"} but received ${JSON.stringify(text)}; choose one with --batch`,
  );
}

async function isSameFile(from: string, target: string): Promise<boolean> {
  const [one, other] = await Promise.all([stat(from), lstat(target).catch(() => undefined)]);
  if (!other) return false;
  if (one.ino === other.ino && one.dev === other.dev) return true;
  return one.size === other.size && sha256Of(await readFile(from)) === sha256Of(await readFile(target));
}
