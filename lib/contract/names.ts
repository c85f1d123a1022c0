import { z } from "zod";

/** A key in the bucket: any UTF-8 text of 1 to 1,024 bytes. */
export type ObjectKey = string & { readonly brand: "ObjectKey" };
/** A batch: the first folder under incoming/. */
export type BatchName = string & { readonly brand: "BatchName" };
/** 64 lower-case hex digits. */
export type Sha256 = string & { readonly brand: "Sha256" };
/** 16 hex digits that name one frozen set of images, settings, model and engine. */
export type RunId = string & { readonly brand: "RunId" };
/** 64 hex digits that name one image (or region) under one run's settings. */
export type WorkId = string & { readonly brand: "WorkId" };

const bytesOf = (text: string): number => Buffer.byteLength(text, "utf8");

export const objectKey = z
  .string()
  .refine((key) => bytesOf(key) >= 1 && bytesOf(key) <= 1024, {
    error: "Expected an object key of 1 to 1,024 bytes",
  })
  .transform((key) => key as ObjectKey);

/** The order of listings: that of the keys' UTF-8 bytes, which is that of their code points. */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const [one, other] = [a.charCodeAt(index), b.charCodeAt(index)];
    if (one !== other) return codePointRank(one) - codePointRank(other);
  }
  return a.length - b.length;
}

/** Surrogates stand for code points above all that one unit can hold. */
const codePointRank = (unit: number): number => (unit >= 0xe000 ? unit - 0x800 : unit >= 0xd800 ? unit + 0x2000 : unit);

/** Longer batch names would push the keys of their results over S3's 1,024 bytes. */
const longestBatchName = 200;

export const batchName = z
  .string()
  .refine(
    (name) =>
      bytesOf(name) >= 1 && bytesOf(name) <= longestBatchName && !name.includes("/") && name !== "." && name !== "..",
    { error: `Expected a batch name of 1 to ${longestBatchName} bytes without a slash, other than . and ..` },
  )
  .transform((name) => name as BatchName);

const hex = (digits: number) =>
  z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`), `Expected ${digits} lower-case hex digits`);

export const sha256 = hex(64).transform((digest) => digest as Sha256);
export const runId = hex(16).transform((id) => id as RunId);
export const workId = hex(64).transform((id) => id as WorkId);

/** Every document carries its version; readers accept this one and the one before. */
export const currentSchemaVersion = 1;
export const schemaVersion = z
  .number()
  .int()
  .min(Math.max(1, currentSchemaVersion - 1))
  .max(currentSchemaVersion);
export const timestamp = z.iso.datetime();
