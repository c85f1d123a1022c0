import type { Readable } from "node:stream";
import { CytolensError } from "../contract/errors";
import type { ObjectKey } from "../contract/names";

export interface ObjectFacts {
  readonly key: ObjectKey;
  /** Without the quotes HTTP puts around it. */
  readonly etag: string;
  /** Bytes. */
  readonly size: number;
  readonly lastModified: Date;
}

export interface ReadOptions {
  /** Read only while the object still has this ETag; else PreconditionFailedError. */
  readonly ifMatch?: string;
  /** First and last byte, both included. */
  readonly range?: { readonly first: number; readonly last: number };
}

export interface WriteOptions {
  /** "create": only when there is nothing under the key. An ETag: only while the object still has it. */
  readonly only?: "create" | { readonly ifMatch: string };
  readonly contentType?: string;
}

export interface ListPage {
  readonly objects: readonly ObjectFacts[];
  /** With a delimiter: the prefixes up to and including it. */
  readonly prefixes: readonly string[];
  /** Hand back to go on; undefined on the last page. */
  readonly continuation?: string;
}

export interface ListOptions {
  readonly continuation?: string;
  readonly startAfter?: string;
  readonly delimiter?: "/";
  /** 1 to 1,000. */
  readonly pageSize?: number;
}

/**
 * A bucket. Keys are listed in the order of their UTF-8 bytes, as S3 does.
 * Every method may throw TransientError (try again) or EnvironmentError (denied, disk full: do not).
 */
export interface ObjectStore {
  /** For people: "s3://bucket" or a folder. */
  readonly description: string;
  read(key: ObjectKey, options?: ReadOptions): Promise<{ readonly facts: ObjectFacts; readonly body: Uint8Array }>;
  readStream(key: ObjectKey, options?: ReadOptions): Promise<{ readonly facts: ObjectFacts; readonly body: Readable }>;
  /** Undefined when there is no such object. */
  head(key: ObjectKey): Promise<ObjectFacts | undefined>;
  write(key: ObjectKey, body: Uint8Array | string, options?: WriteOptions): Promise<{ readonly etag: string }>;
  /** Streams of unknown length, in bounded memory. */
  writeStream(key: ObjectKey, body: Readable, options?: WriteOptions): Promise<{ readonly etag: string }>;
  listPage(prefix: string, options?: ListOptions): Promise<ListPage>;
  /** Uploads begun and not finished: for an idle check they count as activity. */
  openUploads(prefix: string): Promise<readonly { readonly key: ObjectKey; readonly initiated: Date }[]>;
  /** No error when there was nothing. */
  delete(key: ObjectKey): Promise<void>;
}

export class ObjectNotFoundError extends CytolensError {
  constructor(
    readonly key: ObjectKey,
    options?: ErrorOptions,
  ) {
    super("storage.not-found", `Expected an object at ${JSON.stringify(key)} but found none`, options);
  }
}

/** The object changed, or already existed where it had to be created. */
export class PreconditionFailedError extends CytolensError {
  constructor(
    readonly key: ObjectKey,
    expectation: string,
    options?: ErrorOptions,
  ) {
    super(
      "storage.precondition-failed",
      `Expected ${expectation} at ${JSON.stringify(key)} but it was otherwise`,
      options,
    );
  }
}

/** All objects under a prefix, page after page. */
export async function* listAll(
  store: ObjectStore,
  prefix: string,
  options: Omit<ListOptions, "continuation" | "delimiter"> = {},
): AsyncGenerator<ObjectFacts> {
  let continuation: string | undefined;
  do {
    const page: ListPage = await store.listPage(prefix, {
      ...options,
      ...(continuation === undefined ? {} : { continuation }),
    });
    yield* page.objects;
    continuation = page.continuation;
  } while (continuation !== undefined);
}
