import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { mapConcurrently } from "../concurrency/map-concurrently";
import { missingImage } from "../contract/missing-image";
import type { ObjectKey } from "../contract/names";
import { listAll, type ObjectFacts, type ObjectStore } from "../storage/object-store";
import { withRetries } from "./retry";
import { systemClock } from "./clock";

/** A file of this machine, and its path under the prefix. */
export interface FileToUpload {
  readonly from: string;
  readonly to: string;
  /** Why the file cannot be read: this is uploaded in its place, and the file fails by name. */
  readonly problem?: string;
}

export interface UploadFlow {
  /** Uploads at a time. */
  readonly parallel: number;
  readonly onProgress?: (file: { readonly file: string; readonly status: "uploaded" | "there-already" }) => void;
  readonly stop?: AbortSignal;
}

export interface Uploaded {
  readonly uploaded: number;
  readonly thereAlready: number;
  readonly bytes: number;
  /** False when it was stopped before the end: the next try goes on. */
  readonly complete: boolean;
}

/** Larger files are streamed in parts; smaller ones are read whole, which S3 takes in one request. */
const wholeBytes = 16 * 2 ** 20;

/** Puts files under a prefix, several at a time; what is there already, unchanged, is not sent again. */
export async function uploadFiles(
  store: ObjectStore,
  prefix: string,
  files: readonly FileToUpload[],
  { parallel, onProgress, stop }: UploadFlow,
): Promise<Uploaded> {
  const there = new Map<string, ObjectFacts>();
  for await (const facts of listAll(store, prefix)) there.set(facts.key, facts);
  const count = { uploaded: 0, thereAlready: 0, bytes: 0 };
  await mapConcurrently(files, parallel, async ({ from, to, problem }) => {
    if (stop?.aborted) return;
    const key = `${prefix}${to}` as ObjectKey;
    const reason = problem === undefined ? undefined : Buffer.from(missingImage(problem));
    const size = reason?.length ?? (await stat(from)).size;
    const isThere = await sameContent(there.get(key), reason ?? from, size);
    if (!isThere && reason) await withRetries(systemClock, () => store.write(key, reason));
    else if (!isThere) await uploadFile(store, key, from, size);
    count[isThere ? "thereAlready" : "uploaded"]++;
    if (!isThere) count.bytes += size;
    onProgress?.({ file: to, status: isThere ? "there-already" : "uploaded" });
  });
  return { ...count, complete: stop?.aborted !== true };
}

/**
 * The ETag tells: of an object S3 took in one request it is the content's MD5, of one in a folder the beginning of its SHA-256; of one
 * in parts it says nothing, and the times decide. (Under a key of the lab's own the ETag is none of these: such files are sent again.)
 */
async function sameContent(facts: ObjectFacts | undefined, content: string | Buffer, size: number): Promise<boolean> {
  if (!facts || facts.size !== size) return false;
  const isFile = typeof content === "string";
  if (facts.etag.includes("-")) return isFile && facts.lastModified > (await stat(content)).mtime;
  const [md5, sha256] = [createHash("md5"), createHash("sha256")];
  for await (const chunk of isFile ? createReadStream(content) : [content])
    for (const hash of [md5, sha256]) hash.update(chunk as Buffer);
  return facts.etag === md5.digest("hex") || facts.etag === sha256.digest("hex").slice(0, 32);
}

async function uploadFile(store: ObjectStore, key: ObjectKey, file: string, size: number): Promise<void> {
  await withRetries(systemClock, async () => {
    if (size <= wholeBytes) await store.write(key, await readFile(file));
    else await store.writeStream(key, createReadStream(file));
  });
}
