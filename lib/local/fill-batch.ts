import { constants } from "node:fs";
import { copyFile, link, mkdir, readFile, realpath, stat, unlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { sha256Of } from "../contract/digests";
import { EnvironmentError } from "../contract/errors";
import { missingImage } from "../contract/missing-image";
import { objectKey } from "../contract/names";
import { incomingBatchPrefix } from "../contract/object-keys";
import { fileError } from "../storage/file-errors";
import type { ChosenFiles } from "./choose-files";
import { reasonOf } from "./walk-files";

export interface Filled {
  /** Further names of files on the same disk: they take no room. */
  readonly linked: number;
  /** Copied, where the disk shares nothing (or shares blocks, which nobody can ask). */
  readonly copied: number;
  readonly copiedBytes: number;
  /** Files that could not even be given a place in the batch, each with its reason. */
  readonly refused: readonly { readonly name: string; readonly reason: string }[];
}

/**
 * Puts the files into the bucket's drop folder: as further names of the same files where the disk allows, else as copies that
 * share their blocks where the disk knows how. In place of a file that cannot be read stands its reason, so that it fails by name.
 */
export async function fillBatch(
  bucket: string,
  { batch, files }: Pick<ChosenFiles, "batch" | "files">,
): Promise<Filled> {
  const done = { linked: 0, copied: 0, copiedBytes: 0 };
  const refused: { name: string; reason: string }[] = [];
  for (const { from, to, bytes, problem } of files) {
    const key = `${incomingBatchPrefix(batch)}${to}`;
    const target = path.join(bucket, key);
    try {
      if (!objectKey.safeParse(key).success) {
        refused.push({
          name: to,
          reason: `Expected a path of at most 1,024 bytes but received ${Buffer.byteLength(key)}`,
        });
        continue;
      }
      const how = problem === undefined ? await place(from, target) : await placeReason(target, problem);
      if (how === "linked") done.linked++;
      if (how === "copied") {
        done.copied++;
        done.copiedBytes += bytes;
      }
    } catch (error) {
      const known = fileError(error, `a place for ${to} in ${bucket}`);
      if (known instanceof EnvironmentError && known.code === "storage.full") throw known;
      const reason = reasonOf(error, "file");
      await placeReason(target, reason).catch(() => refused.push({ name: to, reason }));
    }
  }
  return { ...done, refused };
}

async function place(from: string, target: string): Promise<"there" | "linked" | "copied"> {
  // A further name of a link would be a link: one that leads elsewhere from its new place.
  const file = await realpath(from);
  if (await isSameFile(file, target)) return "there";
  await clear(target);
  const isLinked = await link(file, target).then(
    () => true,
    () => false,
  );
  if (isLinked) return "linked";
  await copyFile(file, target, constants.COPYFILE_FICLONE);
  return "copied";
}

async function placeReason(target: string, reason: string): Promise<"there" | "reason"> {
  const text = missingImage(reason);
  if ((await readFile(target, "utf8").catch(() => undefined)) === text) return "there";
  await clear(target);
  await writeFile(target, text);
  return "reason";
}

/** The old name goes first: written over, the file that it names would change as well. */
async function clear(target: string): Promise<void> {
  await mkdir(path.dirname(target), { recursive: true });
  await unlink(target).catch(() => undefined);
}

async function isSameFile(file: string, target: string): Promise<boolean> {
  const [one, other] = await Promise.all([stat(file), stat(target).catch(() => undefined)]);
  if (!other?.isFile()) return false;
  if (one.ino === other.ino && one.dev === other.dev) return true;
  return one.size === other.size && sha256Of(await readFile(file)) === sha256Of(await readFile(target));
}
