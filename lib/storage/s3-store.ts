import { Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { TransientError, UserError } from "../contract/errors";
import { objectKey, type ObjectKey } from "../contract/names";
import type { ListOptions, ListPage, ObjectFacts, ObjectStore, ReadOptions, WriteOptions } from "./object-store";
import { isConflict, isMissing, s3Error } from "./s3-errors";

const pageSize = 1000;
const conflictTries = 8;
const firstPauseMilliseconds = 50;
/** Parts of an upload in memory at once, 5 MiB each. */
const partsInFlight = 2;

/** An S3 bucket. The client decides region, credentials and the retries of a single request. */
export class S3Store implements ObjectStore {
  readonly description: string;

  constructor(
    private readonly client: S3Client,
    private readonly bucket: string,
  ) {
    this.description = `s3://${bucket}`;
  }

  /** With region, credentials and endpoint from the environment, as the AWS command line finds them. */
  static open(bucket: string): S3Store {
    return new S3Store(new S3Client({}), bucket);
  }

  async read(
    key: ObjectKey,
    options: ReadOptions = {},
  ): Promise<{ readonly facts: ObjectFacts; readonly body: Uint8Array }> {
    const { facts, body, expected } = await this.get(key, options);
    const whole = await this.translated(key, async () => Buffer.concat(await body.toArray()));
    if (whole.length !== expected) {
      throw new TransientError(
        "storage.short-read",
        `Expected ${expected} bytes of ${JSON.stringify(key)} but received ${whole.length}`,
      );
    }
    return { facts, body: whole };
  }

  async readStream(
    key: ObjectKey,
    options: ReadOptions = {},
  ): Promise<{ readonly facts: ObjectFacts; readonly body: Readable }> {
    const { facts, body } = await this.get(key, options);
    return { facts, body };
  }

  async head(key: ObjectKey): Promise<ObjectFacts | undefined> {
    try {
      const { ETag, ContentLength, LastModified } = await this.client.send(
        new HeadObjectCommand({ Bucket: this.bucket, Key: key }),
      );
      return { key, etag: bare(ETag), size: ContentLength ?? 0, lastModified: LastModified ?? new Date(0) };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw s3Error(error, key, this.bucket);
    }
  }

  async write(
    key: ObjectKey,
    body: Uint8Array | string,
    { only, contentType }: WriteOptions = {},
  ): Promise<{ readonly etag: string }> {
    checkKey(key);
    const content = typeof body === "string" ? Buffer.from(body) : body;
    const request = {
      Bucket: this.bucket,
      Key: key,
      Body: content,
      ContentLength: content.length,
      ContentType: contentType,
      ...condition(only),
    };
    for (let tried = 1; ; tried++) {
      try {
        const { ETag } = await this.client.send(new PutObjectCommand(request));
        return { etag: bare(ETag) };
      } catch (error) {
        if (!isConflict(error) || tried >= conflictTries) throw s3Error(error, key, this.bucket, expectationOf(only));
        await pause(firstPauseMilliseconds * 2 ** (tried - 1) * (0.5 + Math.random()));
      }
    }
  }

  async writeStream(
    key: ObjectKey,
    body: Readable,
    { only, contentType }: WriteOptions = {},
  ): Promise<{ readonly etag: string }> {
    checkKey(key);
    const params = { Bucket: this.bucket, Key: key, Body: body, ContentType: contentType, ...condition(only) };
    const upload = new Upload({ client: this.client, params, queueSize: partsInFlight, leavePartsOnError: false });
    const { ETag } = await this.translated(key, () => upload.done(), expectationOf(only));
    return { etag: bare(ETag) };
  }

  async listPage(
    prefix: string,
    { continuation, startAfter, delimiter, pageSize: size = pageSize }: ListOptions = {},
  ): Promise<ListPage> {
    const found = await this.translated(prefix, () =>
      this.client.send(
        new ListObjectsV2Command({
          Bucket: this.bucket,
          Prefix: prefix,
          MaxKeys: size,
          Delimiter: delimiter,
          ContinuationToken: continuation,
          StartAfter: startAfter,
          // XML cannot hold all the characters a key can.
          EncodingType: "url",
        }),
      ),
    );
    const isEncoded = found.EncodingType === "url";
    const objects = (found.Contents ?? []).map(({ Key, ETag, Size, LastModified }) => ({
      key: decoded(Key, isEncoded) as ObjectKey,
      etag: bare(ETag),
      size: Size ?? 0,
      lastModified: wholeSeconds(LastModified ?? new Date(0)),
    }));
    const prefixes = (found.CommonPrefixes ?? []).map(({ Prefix }) => decoded(Prefix, isEncoded));
    return {
      objects,
      prefixes,
      ...(found.IsTruncated && found.NextContinuationToken ? { continuation: found.NextContinuationToken } : {}),
    };
  }

  async openUploads(prefix: string): Promise<readonly { readonly key: ObjectKey; readonly initiated: Date }[]> {
    const uploads: { key: ObjectKey; initiated: Date }[] = [];
    let marker: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } = {};
    for (;;) {
      const found = await this.translated(prefix, () =>
        this.client.send(
          new ListMultipartUploadsCommand({ Bucket: this.bucket, Prefix: prefix, EncodingType: "url", ...marker }),
        ),
      );
      const isEncoded = found.EncodingType === "url";
      for (const { Key, Initiated } of found.Uploads ?? [])
        uploads.push({ key: decoded(Key, isEncoded) as ObjectKey, initiated: Initiated ?? new Date(0) });
      if (!found.IsTruncated) return uploads;
      marker = { KeyMarker: decoded(found.NextKeyMarker, isEncoded), UploadIdMarker: found.NextUploadIdMarker };
    }
  }

  async delete(key: ObjectKey): Promise<void> {
    await this.translated(key, () => this.client.send(new DeleteObjectCommand({ Bucket: this.bucket, Key: key })));
  }

  private async get(
    key: ObjectKey,
    { ifMatch, range }: ReadOptions,
  ): Promise<{ facts: ObjectFacts; body: Readable; expected: number }> {
    try {
      const found = await this.client.send(
        new GetObjectCommand({
          Bucket: this.bucket,
          Key: key,
          IfMatch: ifMatch,
          Range: range ? `bytes=${range.first}-${range.last}` : undefined,
        }),
      );
      const expected = found.ContentLength ?? 0;
      const size = Number(/\/(\d+)$/.exec(found.ContentRange ?? "")?.[1] ?? expected);
      const facts = { key, etag: bare(found.ETag), size, lastModified: found.LastModified ?? new Date(0) };
      return { facts, expected, body: this.bodyOf(found.Body as Readable | undefined, key) };
    } catch (error) {
      if (range && isBadRange(error))
        throw new UserError(
          "storage.bad-range",
          `Expected a range inside ${JSON.stringify(key)} but received ${range.first} to ${range.last}`,
          { cause: error },
        );
      throw s3Error(error, key, this.bucket, ifMatch === undefined ? undefined : `ETag ${ifMatch}`);
    }
  }

  /** A connection that breaks while the body streams is thrown as every other transient error. */
  private bodyOf(body: Readable | undefined, key: ObjectKey): Readable {
    if (!body) return Readable.from([]);
    const bucket = this.bucket;
    return Readable.from(
      (async function* () {
        try {
          yield* body;
        } catch (error) {
          throw s3Error(error, key, bucket);
        }
      })(),
      { objectMode: false },
    );
  }

  private async translated<T>(key: string, action: () => Promise<T>, expectation?: string): Promise<T> {
    try {
      return await action();
    } catch (error) {
      throw s3Error(error, key, this.bucket, expectation);
    }
  }
}

const bare = (etag: string | undefined): string => (etag ?? "").replaceAll('"', "");
const decoded = (text: string | undefined, isEncoded: boolean): string =>
  isEncoded ? decodeURIComponent((text ?? "").replaceAll("+", " ")) : (text ?? "");
const condition = (only: WriteOptions["only"]): { IfNoneMatch?: string; IfMatch?: string } =>
  only === undefined ? {} : only === "create" ? { IfNoneMatch: "*" } : { IfMatch: `"${only.ifMatch}"` };
const expectationOf = (only: WriteOptions["only"]): string | undefined =>
  only === undefined ? undefined : only === "create" ? "no object" : `ETag ${only.ifMatch}`;
const isBadRange = (error: unknown): boolean =>
  (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode === 416;

function checkKey(key: ObjectKey): void {
  const parsed = objectKey.safeParse(key);
  if (!parsed.success)
    throw new UserError(
      "storage.bad-key",
      `${parsed.error.issues[0]?.message ?? "Expected an object key"} but received one of ${Buffer.byteLength(key)} bytes`,
    );
}

/** HTTP headers tell whole seconds; a listing must not make the same object look newer. */
const wholeSeconds = (date: Date): Date => new Date(Math.floor(date.getTime() / 1000) * 1000);
