import * as iam from "aws-cdk-lib/aws-iam";
import type * as s3 from "aws-cdk-lib/aws-s3";

export interface ObjectAccess {
  /** Prefixes whose objects may be read. */
  readonly read: readonly string[];
  /** Prefixes under which objects may be written; deleting is never granted. */
  readonly write: readonly string[];
  readonly listUploads?: boolean;
}

/**
 * The few S3 actions a part of the pipeline needs, prefix by prefix: CDK's own grants would add deletes and wildcards.
 * Listing has no condition on the prefix, for without it S3 answers "denied" where it should say "not found".
 */
export function allowObjects(
  role: iam.IGrantable,
  bucket: s3.IBucket,
  { read, write, listUploads = false }: ObjectAccess,
): void {
  const statements = [
    new iam.PolicyStatement({
      actions: ["s3:ListBucket", ...(listUploads ? ["s3:ListBucketMultipartUploads"] : [])],
      resources: [bucket.bucketArn],
    }),
    new iam.PolicyStatement({
      actions: ["s3:GetObject"],
      resources: read.map((prefix) => bucket.arnForObjects(`${prefix}*`)),
    }),
    // Aborting belongs to writing: a stream that fails must not leave its parts behind.
    new iam.PolicyStatement({
      actions: ["s3:PutObject", "s3:AbortMultipartUpload"],
      resources: write.map((prefix) => bucket.arnForObjects(`${prefix}*`)),
    }),
  ];
  for (const statement of statements) role.grantPrincipal.addToPrincipalPolicy(statement);
  bucket.encryptionKey?.grant(role, "kms:Decrypt", "kms:GenerateDataKey");
}
