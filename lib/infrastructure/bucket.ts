import { Duration, RemovalPolicy } from "aws-cdk-lib";
import * as kms from "aws-cdk-lib/aws-kms";
import * as s3 from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";
import { incomingPrefix, resultsPrefix, runsPrefix } from "../contract/object-keys";
import type { Configuration } from "./configuration";

/** The one bucket: images come in under incoming/, answers come out under results/. It outlives the stack. */
export class BatchBucket extends Construct {
  readonly bucket: s3.Bucket;

  constructor(scope: Construct, id: string, { encryptionKeyArn, retention }: Configuration) {
    super(scope, id);
    const key = encryptionKeyArn === undefined ? undefined : kms.Key.fromKeyArn(this, "Key", encryptionKeyArn);
    this.bucket = new s3.Bucket(this, "Bucket", {
      ...(key
        ? { encryption: s3.BucketEncryption.KMS, encryptionKey: key, bucketKeyEnabled: true }
        : { encryption: s3.BucketEncryption.S3_MANAGED }),
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
      versioned: true,
      removalPolicy: RemovalPolicy.RETAIN,
      lifecycleRules: [
        { id: "abort-unfinished-uploads", abortIncompleteMultipartUploadAfter: Duration.days(7) },
        {
          id: "forget-old-versions",
          noncurrentVersionExpiration: Duration.days(retention.oldVersionsDays),
          expiredObjectDeleteMarker: true,
        },
        ...expiry("incoming", incomingPrefix, retention.incomingDays),
        ...expiry("runs", runsPrefix, retention.runsDays),
        ...expiry("results", resultsPrefix, retention.resultsDays),
      ],
    });
  }
}

function expiry(name: string, prefix: string, days: number | null): s3.LifecycleRule[] {
  return days === null ? [] : [{ id: `expire-${name}`, prefix, expiration: Duration.days(days) }];
}
