import { Readable } from "node:stream";
import type { ObjectKey } from "../contract/names";
import {
  ObjectNotFoundError,
  PreconditionFailedError,
  type ObjectFacts,
  type ObjectStore,
  type WriteOptions,
} from "../storage/object-store";

/** Undefined when there is none. */
export async function readIfPresent(
  store: ObjectStore,
  key: ObjectKey,
): Promise<{ readonly facts: ObjectFacts; readonly body: Uint8Array } | undefined> {
  try {
    return await store.read(key);
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return undefined;
    throw error;
  }
}

/**
 * Writes an object as long as it is the one that was read.
 * @param etag of the object that was read; undefined when there was none, so that it is created
 * @returns the new ETag; undefined when someone else wrote, created or deleted it in between
 */
export async function writeIfUnchanged(
  store: ObjectStore,
  key: ObjectKey,
  etag: string | undefined,
  body: Uint8Array | string | Readable,
  contentType: string,
): Promise<string | undefined> {
  const options: WriteOptions = { only: etag === undefined ? "create" : { ifMatch: etag }, contentType };
  try {
    const written = await (body instanceof Readable
      ? store.writeStream(key, body, options)
      : store.write(key, body, options));
    return written.etag;
  } catch (error) {
    const isOthers =
      (error instanceof PreconditionFailedError || error instanceof ObjectNotFoundError) && error.key === key;
    if (isOthers) return undefined;
    throw error;
  }
}

/** Writes an object that must not be there yet: of any number of racing writers exactly one receives true. */
export const createObject = async (
  store: ObjectStore,
  key: ObjectKey,
  body: Uint8Array | string,
  contentType: string,
): Promise<boolean> => (await writeIfUnchanged(store, key, undefined, body, contentType)) !== undefined;
