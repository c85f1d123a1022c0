import type { z } from "zod";
import { EnvironmentError, TransientError } from "../contract/errors";
import type { ObjectKey } from "../contract/names";
import { ObjectNotFoundError, PreconditionFailedError, type ObjectStore } from "../storage/object-store";

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
  let found;
  try {
    found = await store.read(key);
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return undefined;
    throw error;
  }
  return { value: parseDocument(key, Buffer.from(found.body).toString("utf8"), schema), etag: found.facts.etag };
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
  text: string,
  schema: Schema,
): z.output<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new EnvironmentError(
      "storage.damaged-document",
      `Expected JSON at ${JSON.stringify(key)} but received text that is not`,
      { cause },
    );
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const first = parsed.error.issues[0];
  throw new EnvironmentError(
    "storage.damaged-document",
    `Expected a document of a known version at ${JSON.stringify(key)} but ${first ? `${first.path.join(".") || "it"}: ${first.message}` : "it is not one"}`,
  );
}

/** Exactly one of any number of racing writers receives true. */
export async function createDocument(store: ObjectStore, key: ObjectKey, value: unknown): Promise<boolean> {
  try {
    await store.write(key, encode(value), { only: "create", contentType: "application/json" });
    return true;
  } catch (error) {
    if (error instanceof PreconditionFailedError) return false;
    throw error;
  }
}

/** False when someone else wrote first. */
export async function replaceDocument(
  store: ObjectStore,
  key: ObjectKey,
  etag: string,
  value: unknown,
): Promise<boolean> {
  try {
    await store.write(key, encode(value), { only: { ifMatch: etag }, contentType: "application/json" });
    return true;
  } catch (error) {
    if (error instanceof PreconditionFailedError || error instanceof ObjectNotFoundError) return false;
    throw error;
  }
}

const patience = 20;

/** Reads, changes and writes back until no one else wrote in between. `change` may return undefined: leave it as it is. */
export async function updateDocument<Schema extends z.ZodType>(
  store: ObjectStore,
  key: ObjectKey,
  schema: Schema,
  change: (before: z.output<Schema> | undefined) => z.input<Schema> | undefined,
): Promise<void> {
  for (let tried = 0; tried < patience; tried++) {
    const before = await readDocument(store, key, schema);
    const after = change(before?.value);
    if (after === undefined) return;
    if (before ? await replaceDocument(store, key, before.etag, after) : await createDocument(store, key, after))
      return;
  }
  throw new TransientError(
    "storage.contended",
    `Expected to update ${JSON.stringify(key)} within ${patience} tries but others kept writing it`,
  );
}

const encode = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
