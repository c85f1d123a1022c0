import { createHash, randomUUID } from "node:crypto";
import { createWriteStream, type BigIntStats } from "node:fs";
import { type FileHandle, link, mkdir, rename, stat, unlink } from "node:fs/promises";
import path from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline as pump } from "node:stream/promises";
import { CytolensError, TransientError, UserError } from "../contract/errors";
import { sha256Of } from "../contract/digests";
import { objectKey, type ObjectKey } from "../contract/names";
import { ContentTags } from "./content-tags";
import { errorCode, fileError, isAbsent } from "./file-errors";
import { FileLocks, linksAreMissing } from "./file-locks";
import { privateFolder } from "./folder-keys";
import { type Place, walkBucket } from "./folder-listing";
import { FolderPlaces } from "./folder-places";
import {
  type ListOptions,
  type ListPage,
  type ObjectFacts,
  ObjectNotFoundError,
  type ObjectStore,
  PreconditionFailedError,
  type ReadOptions,
  type WriteOptions,
} from "./object-store";

const pageSize = 1000;
const mostPausedListings = 8;
const patience = 5;

/**
 * A folder as a bucket. Ordinary files are objects as they are, whoever put them there; an ETag is a digest of the content.
 * Writes appear whole or not at all: they are made beside the bucket's files and moved into place. They are not forced to the
 * disk: what a killed process wrote stays, what a power cut takes is made again from the images.
 */
export class FolderStore implements ObjectStore {
  readonly description: string;
  private readonly root: string;
  private readonly scratch: string;
  private readonly locks: FileLocks;
  private readonly places: FolderPlaces;
  private readonly tags = new ContentTags();
  private readonly paused = new Map<string, AsyncGenerator<Place>>();

  constructor(folder: string) {
    this.root = path.resolve(folder);
    this.description = this.root;
    this.places = new FolderPlaces(this.root);
    this.scratch = path.join(this.root, privateFolder, "tmp");
    this.locks = new FileLocks(path.join(this.root, privateFolder, "locks"));
  }

  async read(
    key: ObjectKey,
    options: ReadOptions = {},
  ): Promise<{ readonly facts: ObjectFacts; readonly body: Uint8Array }> {
    for (let tried = 0; tried < patience; tried++) {
      const { facts, body } = await this.readStream(key, options);
      const whole = await translated(`reading ${JSON.stringify(key)}`, async () => Buffer.concat(await body.toArray()));
      if (options.range || ContentTags.of(whole) === facts.etag) return { facts, body: whole };
      // Someone wrote into the file itself between its digest and its reading.
      if (options.ifMatch !== undefined) throw new PreconditionFailedError(key, `ETag ${options.ifMatch}`);
    }
    throw new TransientError(
      "storage.changing",
      `Expected ${JSON.stringify(key)} to be still while it is read but it kept changing`,
    );
  }

  async readStream(
    key: ObjectKey,
    { ifMatch, range }: ReadOptions = {},
  ): Promise<{ readonly facts: ObjectFacts; readonly body: Readable }> {
    return translated(`reading ${JSON.stringify(key)}`, async () => {
      const file = await this.places.open(key);
      try {
        const facts = await this.factsOf(key, file);
        if (ifMatch !== undefined && facts.etag !== ifMatch) throw new PreconditionFailedError(key, `ETag ${ifMatch}`);
        if (range && range.first >= facts.size) {
          throw new UserError(
            "storage.bad-range",
            `Expected a range inside the ${facts.size} bytes of ${JSON.stringify(key)} but received ${range.first} to ${range.last}`,
          );
        }
        if (facts.size === 0) {
          await file.close();
          return { facts, body: Readable.from([]) };
        }
        return {
          facts,
          body: file.createReadStream({
            start: range?.first ?? 0,
            end: Math.min(range?.last ?? facts.size - 1, facts.size - 1),
          }),
        };
      } catch (error) {
        await file.close();
        throw error;
      }
    });
  }

  async head(key: ObjectKey): Promise<ObjectFacts | undefined> {
    return translated(`looking at ${JSON.stringify(key)}`, async () => {
      const file = await this.places.open(key).catch((error: unknown) => {
        if (error instanceof ObjectNotFoundError) return undefined;
        throw error;
      });
      if (!file) return undefined;
      try {
        return await this.factsOf(key, file);
      } finally {
        await file.close();
      }
    });
  }

  async write(
    key: ObjectKey,
    body: Uint8Array | string,
    options: WriteOptions = {},
  ): Promise<{ readonly etag: string }> {
    return this.writeStream(key, Readable.from([typeof body === "string" ? Buffer.from(body) : body]), options);
  }

  async writeStream(key: ObjectKey, body: Readable, { only }: WriteOptions = {}): Promise<{ readonly etag: string }> {
    checkKey(key);
    return translated(`writing ${JSON.stringify(key)}`, async () => {
      const draft = path.join(this.scratch, randomUUID());
      try {
        const etag = await this.writeDraft(draft, body);
        if (only === "create") await this.create(key, draft);
        else await this.locks.hold(sha256Of(key), () => this.replace(key, draft, only?.ifMatch));
        return { etag };
      } finally {
        await unlink(draft).catch(() => undefined);
      }
    });
  }

  async listPage(
    prefix: string,
    { continuation, startAfter = "", delimiter, pageSize: size = pageSize }: ListOptions = {},
  ): Promise<ListPage> {
    return translated(`listing ${JSON.stringify(prefix)}`, async () => {
      const after = continuation ?? startAfter;
      const walk =
        (continuation !== undefined && this.resume(prefix, continuation)) || walkBucket(this.root, prefix, after);
      const objects: ObjectFacts[] = [];
      const prefixes: string[] = [];
      // A continuation that is itself a folder's prefix has been listed: all below it is skipped.
      let listedPrefix = delimiter && continuation?.endsWith(delimiter) ? continuation : undefined;
      let last = after;
      for (let next = await walk.next(); !next.done; next = await walk.next()) {
        const { key, file } = next.value;
        if (listedPrefix !== undefined && key.startsWith(listedPrefix)) continue;
        const slash = delimiter ? key.indexOf(delimiter, prefix.length) : -1;
        if (slash >= 0) {
          listedPrefix = key.slice(0, slash + 1);
          prefixes.push(listedPrefix);
          last = listedPrefix;
        } else {
          const facts = await this.factsAt(key, file);
          if (!facts) continue;
          objects.push(facts);
          last = key;
        }
        if (objects.length + prefixes.length < size) continue;
        if (!delimiter) this.pause(prefix, last, walk);
        return { objects, prefixes, continuation: last };
      }
      return { objects, prefixes };
    });
  }

  /** Files appear in a folder bucket when they are whole, or are being copied by someone we cannot ask. */
  openUploads(): Promise<readonly []> {
    return Promise.resolve([]);
  }

  async delete(key: ObjectKey): Promise<void> {
    await translated(`deleting ${JSON.stringify(key)}`, () =>
      this.locks.hold(sha256Of(key), async () => {
        for (const file of await this.places.of(key)) {
          await unlink(file).catch((error: unknown) => {
            if (!isAbsent(error) && errorCode(error) !== "EISDIR") throw error;
          });
        }
      }),
    );
  }

  private async factsAt(key: ObjectKey, place: string): Promise<ObjectFacts | undefined> {
    const stats = await stat(place, { bigint: true }).catch((error: unknown) => {
      if (isAbsent(error)) return undefined;
      throw error;
    });
    if (!stats) return undefined;
    const etag = this.tags.recall(stats);
    return etag === undefined ? this.head(key) : factsFrom(key, etag, stats);
  }

  private async factsOf(key: ObjectKey, file: FileHandle): Promise<ObjectFacts> {
    const { etag, stats } = await this.tags.tagOf(file);
    return factsFrom(key, etag, stats);
  }

  private async writeDraft(draft: string, body: Readable): Promise<string> {
    await mkdir(this.scratch, { recursive: true });
    const hash = createHash("sha256");
    const tee = new Transform({
      transform(chunk: Uint8Array, _encoding, done) {
        hash.update(chunk);
        done(null, chunk);
      },
    });
    await pump(body, tee, createWriteStream(draft, { flags: "wx" }));
    return hash.digest("hex").slice(0, 32);
  }

  /** One of any number of racing creators wins: a link is refused where there is a file. */
  private async create(key: ObjectKey, draft: string): Promise<void> {
    const place = await this.places.forNew(key);
    try {
      await link(draft, place);
    } catch (error) {
      if (errorCode(error) === "EEXIST") throw new PreconditionFailedError(key, "no object");
      if (!linksAreMissing(error)) throw error;
      await this.locks.hold(sha256Of(key), async () => {
        if (await exists(place)) throw new PreconditionFailedError(key, "no object");
        await rename(draft, place);
      });
    }
  }

  private async replace(key: ObjectKey, draft: string, ifMatch: string | undefined): Promise<void> {
    if (ifMatch !== undefined) {
      const facts = await this.head(key);
      if (!facts) throw new ObjectNotFoundError(key);
      if (facts.etag !== ifMatch) throw new PreconditionFailedError(key, `ETag ${ifMatch}`);
    }
    await rename(draft, await this.places.forNew(key));
  }

  private pause(prefix: string, after: string, walk: AsyncGenerator<Place>): void {
    const oldest = this.paused.keys().next();
    if (this.paused.size >= mostPausedListings && !oldest.done) this.paused.delete(oldest.value);
    this.paused.set(`${prefix}\n${after}`, walk);
  }

  private resume(prefix: string, after: string): AsyncGenerator<Place> | undefined {
    const found = this.paused.get(`${prefix}\n${after}`);
    this.paused.delete(`${prefix}\n${after}`);
    return found;
  }
}

const exists = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  );
const factsFrom = (key: ObjectKey, etag: string, { size, mtimeMs }: BigIntStats): ObjectFacts => ({
  key,
  etag,
  size: Number(size),
  lastModified: new Date(Number(mtimeMs)),
});
function checkKey(key: ObjectKey): void {
  const parsed = objectKey.safeParse(key);
  if (!parsed.success)
    throw new UserError(
      "storage.bad-key",
      `${parsed.error.issues[0]?.message ?? "Expected an object key"} but received one of ${Buffer.byteLength(key)} bytes`,
    );
}

async function translated<T>(doing: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw error instanceof CytolensError ? error : fileError(error, doing);
  }
}
