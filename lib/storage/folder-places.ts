import { type FileHandle, mkdir, open as openFile, realpath, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import type { ObjectKey } from "../contract/names";
import { errorCode, isAbsent } from "./file-errors";
import { isPlain, oddPaths, plainPath } from "./folder-keys";
import { ObjectNotFoundError } from "./object-store";

/** Which file of a folder bucket holds an object. */
export class FolderPlaces {
  constructor(private readonly root: string) {}

  /** Throws ObjectNotFoundError. */
  async open(key: ObjectKey): Promise<FileHandle> {
    for (const place of await this.of(key)) {
      try {
        const file = await openFile(place, "r");
        if ((await file.stat()).isFile()) return file;
        await file.close();
      } catch (error) {
        if (!isAbsent(error) && errorCode(error) !== "EISDIR" && errorCode(error) !== "ELOOP") throw error;
      }
    }
    throw new ObjectNotFoundError(key);
  }

  /** Where an object may be, the first that exists is the one. */
  async of(key: ObjectKey): Promise<string[]> {
    const odd = oddPaths(this.root, key).data;
    if (!isPlain(key)) return [odd];
    const plain = plainPath(this.root, key);
    return (await this.isSpelledSo(plain)) ? [plain, odd] : [odd];
  }

  /** On disks that do not tell upper case or accents apart, another key's file may answer to this key's path. */
  private async isSpelledSo(plain: string): Promise<boolean> {
    if (process.platform === "linux") return true;
    const [root, found] = await Promise.all([realpath(this.root), realpath(plain)]).catch(() => [this.root, plain]);
    return path.relative(root ?? "", found ?? "") === path.relative(this.root, plain);
  }

  /** The object's present place; for a new one its plain path, unless a file or folder of another key is in the way. */
  async forNew(key: ObjectKey): Promise<string> {
    const odd = oddPaths(this.root, key);
    if (isPlain(key) && !(await exists(odd.data))) {
      const plain = plainPath(this.root, key);
      const parentIsFolder = await mkdir(path.dirname(plain), { recursive: true }).then(
        () => true,
        (error: unknown) => {
          if (errorCode(error) === "EEXIST" || errorCode(error) === "ENOTDIR") return false;
          throw error;
        },
      );
      if (parentIsFolder && !(await isFolder(plain)) && (await this.isSpelledSo(plain))) return plain;
    }
    await mkdir(path.dirname(odd.name), { recursive: true });
    await writeFile(odd.name, key);
    return odd.data;
  }
}

const exists = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  );
const isFolder = (file: string): Promise<boolean> =>
  stat(file).then(
    (facts) => facts.isDirectory(),
    () => false,
  );
