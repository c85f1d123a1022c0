import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { UserError } from "../../lib/contract/errors";
import { compareKeys, objectKey, type ObjectKey } from "../../lib/contract/names";
import {
  type ListOptions,
  type ListPage,
  type ObjectFacts,
  ObjectNotFoundError,
  type ObjectStore,
  PreconditionFailedError,
  type ReadOptions,
  type WriteOptions,
} from "../../lib/storage/object-store";

interface Held {
  readonly body: Buffer;
  readonly etag: string;
  readonly lastModified: Date;
}

/** A bucket in memory, for histories too many for a disk; held to the same contract as the real ones. */
export class MemoryStore implements ObjectStore {
  readonly description = "memory";
  readonly held = new Map<string, Held>();
  uploads: { key: ObjectKey; initiated: Date }[] = [];
  lists = 0;
  /** S3 may answer with fewer keys than it was asked for. */
  mostPerPage = 1000;
  /** Every content there ever was, by its ETag. */
  readonly contents = new Map<string, Buffer>();

  constructor(private readonly now: () => Date = () => new Date()) {}

  async read(key: ObjectKey, { ifMatch, range }: ReadOptions = {}): Promise<{ facts: ObjectFacts; body: Uint8Array }> {
    const found = this.held.get(key);
    if (!found) throw new ObjectNotFoundError(key);
    if (ifMatch !== undefined && ifMatch !== found.etag) throw new PreconditionFailedError(key, `ETag ${ifMatch}`);
    if (range && range.first >= found.body.length)
      throw new UserError("storage.bad-range", "Expected a range inside the object");
    return { facts: factsOf(key, found), body: range ? found.body.subarray(range.first, range.last + 1) : found.body };
  }

  async readStream(key: ObjectKey, options?: ReadOptions): Promise<{ facts: ObjectFacts; body: Readable }> {
    const { facts, body } = await this.read(key, options);
    return { facts, body: Readable.from(body.length > 0 ? [body] : []) };
  }

  async head(key: ObjectKey): Promise<ObjectFacts | undefined> {
    const found = this.held.get(key);
    return found && factsOf(key, found);
  }

  async write(key: ObjectKey, body: Uint8Array | string, { only }: WriteOptions = {}): Promise<{ etag: string }> {
    if (!objectKey.safeParse(key).success)
      throw new UserError("storage.bad-key", "Expected an object key of 1 to 1,024 bytes");
    const before = this.held.get(key);
    if (only === "create" && before) throw new PreconditionFailedError(key, "no object");
    if (typeof only === "object") {
      if (!before) throw new ObjectNotFoundError(key);
      if (before.etag !== only.ifMatch) throw new PreconditionFailedError(key, `ETag ${only.ifMatch}`);
    }
    const content = Buffer.from(body as string);
    const etag = createHash("md5").update(content).digest("hex");
    this.contents.set(etag, content);
    const isInOrder = this.sorted.length === this.held.size;
    if (!before && isInOrder) this.sorted.splice(firstAtOrAfter(this.sorted, key), 0, key);
    this.held.set(key, { body: content, etag, lastModified: this.now() });
    return { etag };
  }

  async writeStream(key: ObjectKey, body: Readable, options?: WriteOptions): Promise<{ etag: string }> {
    return this.write(key, Buffer.concat(await body.toArray()), options);
  }

  async listPage(
    prefix: string,
    { continuation, startAfter = "", delimiter, pageSize = 1000 }: ListOptions = {},
  ): Promise<ListPage> {
    this.lists++;
    const after = continuation ?? startAfter;
    const objects: ObjectFacts[] = [];
    const prefixes: string[] = [];
    let last = after;
    const keys = this.sortedKeys();
    for (
      let index = firstAtOrAfter(keys, compareKeys(prefix, after) > 0 ? prefix : after);
      index < keys.length;
      index++
    ) {
      const key = keys[index]!;
      if (!key.startsWith(prefix)) {
        if (compareKeys(key, prefix) > 0) break;
        continue;
      }
      if (compareKeys(key, after) <= 0 || (after.endsWith("/") && delimiter && key.startsWith(after))) continue;
      const slash = delimiter ? key.indexOf(delimiter, prefix.length) : -1;
      const folder = slash >= 0 ? key.slice(0, slash + 1) : undefined;
      if (folder !== undefined && folder === prefixes.at(-1)) continue;
      if (objects.length + prefixes.length === Math.min(pageSize, this.mostPerPage))
        return { objects, prefixes, continuation: last };
      if (folder === undefined) objects.push(factsOf(key, this.held.get(key)!));
      else prefixes.push(folder);
      last = folder ?? key;
    }
    return { objects, prefixes };
  }

  private sorted: string[] = [];

  /** Kept in order by writing and deleting; sorted anew where a test has put objects in by itself. */
  private sortedKeys(): string[] {
    if (this.sorted.length !== this.held.size) this.sorted = [...this.held.keys()].sort(compareKeys);
    return this.sorted;
  }

  async openUploads(prefix: string): Promise<readonly { key: ObjectKey; initiated: Date }[]> {
    return this.uploads.filter(({ key }) => key.startsWith(prefix));
  }

  async delete(key: ObjectKey): Promise<void> {
    if (!this.held.has(key)) return;
    const isInOrder = this.sorted.length === this.held.size;
    this.held.delete(key);
    if (isInOrder) this.sorted.splice(firstAtOrAfter(this.sorted, key), 1);
  }
}

function firstAtOrAfter(keys: readonly string[], key: string): number {
  let [low, high] = [0, keys.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareKeys(keys[middle]!, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

const factsOf = (key: string, { body, etag, lastModified }: Held): ObjectFacts => ({
  key: key as ObjectKey,
  etag,
  size: body.length,
  lastModified,
});
