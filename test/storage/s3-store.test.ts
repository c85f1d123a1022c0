import { S3Client, CreateBucketCommand, CreateMultipartUploadCommand } from "@aws-sdk/client-s3";
import { EnvironmentError } from "../../lib/contract/errors";
import type { ObjectKey } from "../../lib/contract/names";
import { s3Error } from "../../lib/storage/s3-errors";
import { S3Store } from "../../lib/storage/s3-store";
import { emulatorCredentials, emulatorPython, type Emulator, startMinistack } from "../emulator/ministack";
import { objectStoreContract } from "./object-store.contract";

const key = (text: string): ObjectKey => text as ObjectKey;
const answer = (httpStatusCode: number, name: string): Record<string, unknown> => ({ name, $metadata: { httpStatusCode } });
const found = emulatorPython();

(("python" in found) ? describe : describe.skip)(`an S3 bucket${"missing" in found ? ` (skipped: ${found.missing})` : ""}`, () => {
  let emulator: Emulator;
  let client: S3Client;
  let buckets = 0;
  const newBucket = async (): Promise<S3Store> => {
    const name = `cytolens-test-${++buckets}`;
    await client.send(new CreateBucketCommand({ Bucket: name }));
    return new S3Store(client, name);
  };
  beforeAll(async () => {
    emulator = await startMinistack((found as { python: string }).python);
    client = new S3Client({ endpoint: emulator.endpoint, ...emulatorCredentials, maxAttempts: 3 });
  }, 60_000);
  afterAll(async () => {
    client?.destroy();
    await emulator?.stop();
  });

  // The emulator's web server takes paths apart before S3 sees them; S3 itself takes these keys.
  objectStoreContract(newBucket, { hostile: [] });

  test("tells of uploads that were begun and not finished", async () => {
    const store = await newBucket();
    expect(await store.openUploads("incoming/")).toEqual([]);
    await client.send(new CreateMultipartUploadCommand({ Bucket: `cytolens-test-${buckets}`, Key: "incoming/batch/slide 1.tif" }));
    expect(await store.openUploads("incoming/")).toEqual([{ key: "incoming/batch/slide 1.tif", initiated: expect.any(Date) }]);
    expect(await store.openUploads("results/")).toEqual([]);
  });

  test("a bucket that is not there is the surroundings' fault", async () => {
    const store = new S3Store(client, "cytolens-no-such-bucket");
    await expect(store.read(key("a"))).rejects.toMatchObject({ code: "storage.no-bucket" });
    await expect(store.write(key("a"), "x")).rejects.toBeInstanceOf(EnvironmentError);
    await expect(store.listPage("")).rejects.toMatchObject({ code: "storage.no-bucket" });
  });
});

describe("what S3 says becomes an error that says whose it is", () => {
  test.each<[string, Record<string, unknown>, string]>([
    ["too many requests", answer(503, "SlowDown"), "TransientError"],
    ["an internal error", answer(500, "InternalError"), "TransientError"],
    ["conditional writes in each other's way", answer(409, "ConditionalRequestConflict"), "TransientError"],
    ["a connection reset", { code: "ECONNRESET" }, "TransientError"],
    ["no answer in time", { name: "TimeoutError" }, "TransientError"],
    ["a denial", answer(403, "AccessDenied"), "EnvironmentError"],
    ["an expired token", answer(400, "ExpiredToken"), "EnvironmentError"],
    ["no bucket", answer(404, "NoSuchBucket"), "EnvironmentError"],
    ["no object", answer(404, "NoSuchKey"), "ObjectNotFoundError"],
    ["another version", answer(412, "PreconditionFailed"), "PreconditionFailedError"],
  ])("%s", (_label, said, expected) => {
    expect((s3Error(Object.assign(new Error("said"), said), "a", "bucket") as Error).name).toBe(expected);
  });
});
