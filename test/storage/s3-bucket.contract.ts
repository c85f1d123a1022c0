import { CreateBucketCommand, CreateMultipartUploadCommand, S3Client } from "@aws-sdk/client-s3";
import { EnvironmentError } from "../../lib/contract/errors";
import type { ObjectKey } from "../../lib/contract/names";
import { S3Store } from "../../lib/storage/s3-store";
import { emulatorCredentials, type Emulator } from "../emulator/emulator-process";
import { objectStoreContract, type ContractOptions } from "./object-store.contract";

const key = (text: string): ObjectKey => text as ObjectKey;

/** What our store makes of a bucket in an emulated account: every promise of a store's, and what only S3 has. */
export function s3BucketContract(start: () => Promise<Emulator>, options: ContractOptions = {}): void {
  let emulator: Emulator;
  let client: S3Client;
  let buckets = 0;
  const newBucket = async (): Promise<S3Store> => {
    const name = `cytolens-test-${++buckets}`;
    await client.send(new CreateBucketCommand({ Bucket: name }));
    return new S3Store(client, name);
  };
  beforeAll(async () => {
    emulator = await start();
    client = new S3Client({ endpoint: emulator.endpoint, ...emulatorCredentials, maxAttempts: 3 });
  }, 60_000);
  afterAll(async () => {
    client?.destroy();
    await emulator?.stop();
  });

  objectStoreContract(newBucket, options);

  test("tells of uploads that were begun and not finished", async () => {
    const store = await newBucket();
    expect(await store.openUploads("incoming/")).toEqual([]);
    await client.send(
      new CreateMultipartUploadCommand({ Bucket: `cytolens-test-${buckets}`, Key: "incoming/batch/slide 1.tif" }),
    );
    expect(await store.openUploads("incoming/")).toEqual([
      { key: "incoming/batch/slide 1.tif", initiated: expect.any(Date) },
    ]);
    expect(await store.openUploads("results/")).toEqual([]);
  });

  test("a bucket that is not there is the surroundings' fault", async () => {
    const store = new S3Store(client, "cytolens-no-such-bucket");
    await expect(store.read(key("a"))).rejects.toMatchObject({ code: "storage.no-bucket" });
    await expect(store.write(key("a"), "x")).rejects.toBeInstanceOf(EnvironmentError);
    await expect(store.listPage("")).rejects.toMatchObject({ code: "storage.no-bucket" });
  });
}
