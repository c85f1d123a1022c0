import { EventEmitter } from "node:events";
import { type FSWatcher, watch } from "node:fs";
import { mkdir, stat } from "node:fs/promises";
import path from "node:path";
import { incomingPrefix } from "../contract/object-keys";
import { walkBucket } from "../storage/folder-listing";

/**
 * What S3 says when an object is created, said of a folder: keys under incoming/ that are new or have changed.
 * The operating system's own events bring news at once where they work; looking through the folder now and then
 * finds what they miss (network drives, too many folders).
 */
export class FolderEvents extends EventEmitter<{ created: [keys: readonly string[]]; problem: [error: unknown] }> {
  private readonly seen = new Map<string, string>();
  private watcher: FSWatcher | undefined;
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> | undefined;
  private lookAgain = false;
  private stopped = false;

  constructor(
    private readonly folder: string,
    private readonly pollMilliseconds = 2000,
  ) {
    super();
  }

  /** Everything that is there at the start is reported as well: it may have come while no one was watching. */
  async start(): Promise<void> {
    const incoming = path.join(this.folder, incomingPrefix);
    await mkdir(incoming, { recursive: true });
    try {
      this.watcher = watch(incoming, { recursive: true }, () => void this.look());
      // Without events polling remains.
      this.watcher.on("error", () => this.watcher?.close());
    } catch {
      this.watcher = undefined;
    }
    await this.look();
    this.poll();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    this.watcher?.close();
    await this.looking;
  }

  private poll(): void {
    this.timer = setTimeout(() => {
      void this.look().then(() => this.stopped || this.poll());
    }, this.pollMilliseconds);
  }

  /** One look at a time; events during a look ask for one more. */
  private look(): Promise<void> {
    if (this.looking) {
      this.lookAgain = true;
      return this.looking;
    }
    this.looking = this.compare()
      .catch((error: unknown) => void this.emit("problem", error))
      .finally(() => {
        this.looking = undefined;
        if (!this.lookAgain || this.stopped) return;
        this.lookAgain = false;
        void this.look();
      });
    return this.looking;
  }

  private async compare(): Promise<void> {
    const news: string[] = [];
    const present = new Set<string>();
    for await (const { key, file } of walkBucket(path.resolve(this.folder), incomingPrefix, "")) {
      const facts = await stat(file).catch(() => undefined);
      if (!facts) continue;
      present.add(key);
      const state = `${facts.size} ${facts.mtimeMs} ${facts.ino}`;
      if (this.seen.get(key) === state) continue;
      this.seen.set(key, state);
      news.push(key);
    }
    for (const key of this.seen.keys()) if (!present.has(key)) this.seen.delete(key);
    if (news.length > 0) this.emit("created", news);
  }
}
