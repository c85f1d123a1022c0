import { fileURLToPath } from "node:url";
import { EnvironmentError, UserError } from "../contract/errors";
import type { JobQueue } from "../protocol/ports";
import { FolderStore } from "../storage/folder-store";
import type { ObjectStore } from "../storage/object-store";

export interface OpenBucket {
  readonly store: ObjectStore;
  /** Asks after jobs; a folder has none that could be asked after from outside. */
  readonly jobs?: Pick<JobQueue, "describe">;
}

const bucketName = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

/** A bucket as people name it: "lab-bucket", "s3://lab-bucket", or a folder as a path ("./bucket") or file: URL. */
export async function openBucket(asked: string): Promise<OpenBucket> {
  if (asked.startsWith("file:")) return { store: new FolderStore(fileURLToPath(asked)) };
  if (/^(\.{0,2}[\\/]|[A-Za-z]:[\\/])/.test(asked)) return { store: new FolderStore(asked) };
  const name = asked.replace(/^s3:\/\//, "").replace(/\/$/, "");
  if (!bucketName.test(name)) {
    throw new UserError(
      "bucket.name",
      `Expected a bucket's name, s3://name or a folder such as ./bucket but received ${JSON.stringify(asked)}`,
    );
  }
  const [{ S3Client }, { BatchClient }, { S3Store }, { BatchJobQueue }] = await Promise.all([
    import("@aws-sdk/client-s3"),
    import("@aws-sdk/client-batch"),
    import("../storage/s3-store.js"),
    import("./batch-job-queue.js"),
  ]);
  const client = new S3Client({ followRegionRedirects: true });
  await client.config.region().catch((cause: unknown) => {
    throw new EnvironmentError(
      "aws.no-region",
      "Expected a region for AWS but found none: set AWS_REGION, or configure a profile",
      { cause },
    );
  });
  return {
    store: new S3Store(client, name),
    jobs: new BatchJobQueue(new BatchClient({}), { spot: "", onDemand: "", jobDefinition: null }),
  };
}
