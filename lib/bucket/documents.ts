import type { z } from "zod";
import { EnvironmentError } from "../contract/errors";
import type { ObjectKey } from "../contract/names";
import { readJson } from "../contract/read-json";
import { ObjectNotFoundError, type ObjectStore } from "../storage/object-store";
import { compareAndSwap, type SharedBucket } from "./compare-and-swap";
import { createObject, readIfPresent, writeIfUnchanged } from "./objects";

export interface Stored<T> {
  readonly value: T;
  readonly etag: string;
}

/** Undefined when there is none. Throws EnvironmentError when what is there is not such a document. */
export async function readDocument<Schema extends z.ZodType>(
  store: ObjectStore,
  key: ObjectKey,
  schema: Schema,
): Promise<Stored<z.output<Schema>> | undefined> {
  const found = await readIfPresent(store, key);
  return found && { value: parseDocument(key, found.body, schema), etag: found.facts.etag };
}

export async function requireDocument<Schema extends z.ZodType>(
  store: ObjectStore,
  key: ObjectKey,
  schema: Schema,
): Promise<z.output<Schema>> {
  const found = await readDocument(store, key, schema);
  if (!found) throw new ObjectNotFoundError(key);
  return found.value;
}

export function parseDocument<Schema extends z.ZodType>(
  key: ObjectKey,
  text: Uint8Array | string,
  schema: Schema,
): z.output<Schema> {
  const read = readJson(text);
  if ("problem" in read)
    throw new EnvironmentError(
      "storage.damaged-document",
      `Expected JSON at ${JSON.stringify(key)} but received ${read.problem}`,
    );
  const parsed = schema.safeParse(read.value);
  if (parsed.success) return parsed.data;
  const first = parsed.error.issues[0];
  throw new EnvironmentError(
    "storage.damaged-document",
    `Expected a document of a known version at ${JSON.stringify(key)} but ${first ? `${first.path.join(".") || "it"}: ${first.message}` : "it is not one"}`,
  );
}

/** Exactly one of any number of racing writers receives true. */
export const createDocument = (store: ObjectStore, key: ObjectKey, value: unknown): Promise<boolean> =>
  createObject(store, key, encode(value), json);

/** False when someone else wrote first. */
export const replaceDocument = async (
  store: ObjectStore,
  key: ObjectKey,
  etag: string,
  value: unknown,
): Promise<boolean> => (await writeIfUnchanged(store, key, etag, encode(value), json)) !== undefined;

/** Reads, changes and writes back until no one else wrote in between. `change` may return undefined: leave it as it is. */
export async function updateDocument<Schema extends z.ZodType>(
  bucket: SharedBucket,
  key: ObjectKey,
  schema: Schema,
  change: (before: z.output<Schema> | undefined) => z.input<Schema> | undefined,
): Promise<void> {
  const { store } = bucket;
  await compareAndSwap(bucket, `update ${JSON.stringify(key)}`, async () => {
    const before = await readDocument(store, key, schema);
    const after = change(before?.value);
    const isDone =
      after === undefined || (await writeIfUnchanged(store, key, before?.etag, encode(after), json)) !== undefined;
    return isDone ? { done: undefined } : undefined;
  });
}

const json = "application/json";
const encode = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
