import { randomUUID } from "node:crypto";
import { link, mkdir, readFile, rename, unlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { TransientError } from "../contract/errors";
import { errorCode, isAbsent } from "./file-errors";

const longestWaitMilliseconds = 30_000;
const firstPauseMilliseconds = 1;
const longestPauseMilliseconds = 50;

/** Locks between processes of one machine, one file each, that a killed process does not hold for ever. */
export class FileLocks {
  constructor(private readonly folder: string) {}

  async hold<T>(name: string, action: () => Promise<T>): Promise<T> {
    const file = path.join(this.folder, `${name}.lock`);
    await this.acquire(file);
    try {
      return await action();
    } finally {
      await unlink(file).catch(() => undefined);
    }
  }

  private async acquire(file: string): Promise<void> {
    const deadline = Date.now() + longestWaitMilliseconds;
    for (let wait = firstPauseMilliseconds; ; wait = Math.min(longestPauseMilliseconds, wait * 2)) {
      if (await this.claim(file)) return;
      const holder = await readFile(file, "utf8").catch((error: unknown) => {
        if (isAbsent(error)) return undefined;
        throw error;
      });
      if (holder === undefined) continue;
      if (!isAlive(Number.parseInt(holder, 10))) await this.breakLock(file, holder);
      else if (Date.now() > deadline)
        throw new TransientError(
          "storage.locked",
          `Expected a lock within ${longestWaitMilliseconds / 1000} s but process ${holder.split(" ")[0]} holds it`,
        );
      else await pause(wait * (0.5 + Math.random()));
    }
  }

  /** The lock appears with its holder's name in it: a link is made at once, whole. */
  private async claim(file: string): Promise<boolean> {
    const draft = `${file}.${randomUUID()}`;
    try {
      await writeFile(draft, `${process.pid} ${randomUUID()}`, { flag: "wx" });
    } catch (error) {
      if (!isAbsent(error)) throw error;
      await mkdir(this.folder, { recursive: true });
      return false;
    }
    try {
      await link(draft, file);
      return true;
    } catch (error) {
      if (errorCode(error) === "EEXIST") return false;
      if (!linksAreMissing(error)) throw error;
      return await writeFile(file, `${process.pid} ${randomUUID()}`, { flag: "wx" }).then(
        () => true,
        (second: unknown) => {
          if (errorCode(second) === "EEXIST") return false;
          throw second;
        },
      );
    } finally {
      await unlink(draft).catch(() => undefined);
    }
  }

  /** Takes a dead process's lock away; should it have been a living one's after all, gives it back. */
  private async breakLock(file: string, holder: string): Promise<void> {
    const taken = `${file}.${randomUUID()}`;
    try {
      await rename(file, taken);
    } catch (error) {
      if (isAbsent(error)) return;
      throw error;
    }
    if ((await readFile(taken, "utf8")) !== holder) await link(taken, file).catch(() => undefined);
    await unlink(taken).catch(() => undefined);
  }
}

/** Some disks (exFAT, some network drives) know no hard links. */
export const linksAreMissing = (error: unknown): boolean =>
  ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EXDEV", "EMLINK"].includes(errorCode(error) ?? "");

function isAlive(processId: number): boolean {
  if (!Number.isInteger(processId)) return false;
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return errorCode(error) === "EPERM";
  }
}
