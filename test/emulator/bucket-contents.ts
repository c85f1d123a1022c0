import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import sharp from "sharp";
import type { BatchName } from "../../lib/contract/names";
import {
  batchResultsPrefix,
  incomingBatchPrefix,
  readyMarkerKey,
  runsPrefix,
  summaryKey,
} from "../../lib/contract/object-keys";
import { summary as summaryDocument, type Summary } from "../../lib/contract/summary";
import { emulatorCredentials } from "./emulator-process";

/** A lab's own view of the bucket: uploads, and what appears in it. */
export class BucketContents {
  private readonly client: S3Client;

  private readonly queues: SQSClient;

  constructor(
    endpoint: string,
    readonly bucket: string,
    private readonly hintsQueueUrl: string,
  ) {
    this.client = new S3Client({ endpoint, ...emulatorCredentials });
    this.queues = new SQSClient({ endpoint, ...emulatorCredentials });
  }

  /** A message for the planner, as S3 or anyone might send it. */
  async hint(body: string): Promise<void> {
    await this.queues.send(new SendMessageCommand({ QueueUrl: this.hintsQueueUrl, MessageBody: body }));
  }

  async put(key: string, body: Uint8Array | string): Promise<void> {
    await this.client.send(
      new PutObjectCommand({ Bucket: this.bucket, Key: key, Body: body, ContentLength: Buffer.byteLength(body) }),
    );
  }

  async upload(
    batch: BatchName,
    images: Readonly<Record<string, Uint8Array>>,
    { settings, ready = true }: { settings?: object; ready?: boolean } = {},
  ): Promise<void> {
    if (settings) await this.put(`${incomingBatchPrefix(batch)}batch.json`, JSON.stringify(settings));
    for (const [name, body] of Object.entries(images)) await this.put(`${incomingBatchPrefix(batch)}${name}`, body);
    if (ready) await this.put(readyMarkerKey(batch), "");
  }

  async keys(prefix: string): Promise<string[]> {
    const keys: string[] = [];
    let token: string | undefined;
    do {
      const page = await this.client.send(
        new ListObjectsV2Command({ Bucket: this.bucket, Prefix: prefix, ContinuationToken: token }),
      );
      keys.push(...(page.Contents ?? []).map(({ Key }) => Key ?? ""));
      token = page.NextContinuationToken;
    } while (token !== undefined);
    return keys;
  }

  async text(key: string): Promise<string> {
    const { Body } = await this.client.send(new GetObjectCommand({ Bucket: this.bucket, Key: key }));
    return (await Body?.transformToString()) ?? "";
  }

  async summary(batch: BatchName): Promise<Summary | undefined> {
    if (!(await this.keys(batchResultsPrefix(batch))).includes(summaryKey(batch))) return undefined;
    return summaryDocument.parse(JSON.parse(await this.text(summaryKey(batch))));
  }

  /** The batch's summary, once it is there and says what is waited for. */
  async finished(batch: BatchName, isIt: (summary: Summary) => boolean = () => true, seconds = 90): Promise<Summary> {
    const found = await eventually(async () => {
      const now = await this.summary(batch);
      return now && isIt(now) ? now : undefined;
    }, seconds);
    if (found) return found;
    throw new Error(
      `batch ${batch} has no such summary after ${seconds} s; under runs/: ${(await this.keys(`${runsPrefix}${batch}/`)).join(", ")}`,
    );
  }

  close(): void {
    this.client.destroy();
    this.queues.destroy();
  }
}

/** Asks until there is an answer, or the time is over. */
export async function eventually<T>(ask: () => Promise<T | undefined>, seconds: number): Promise<T | undefined> {
  for (const end = Date.now() + seconds * 1000; Date.now() < end;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  return undefined;
}

/** A small picture, each number its own. */
export function picture(number: number): Promise<Buffer> {
  const side = 64;
  const pixels = Buffer.alloc(side * side * 3, 200);
  for (let pixel = 0; pixel < side * side; pixel++) pixels[pixel * 3 + (number % 3)] = (pixel * (number + 3)) % 251;
  return sharp(pixels, { raw: { width: side, height: side, channels: 3 } })
    .png()
    .toBuffer();
}
