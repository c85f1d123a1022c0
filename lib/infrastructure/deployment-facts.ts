import { Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import type * as s3 from "aws-cdk-lib/aws-s3";
import { AwsCustomResource, AwsCustomResourcePolicy, PhysicalResourceId } from "aws-cdk-lib/custom-resources";
import type { Construct } from "constructs";
import type { Deployment } from "../contract/deployment";
import { deploymentKey } from "../contract/object-keys";

/** Writes deployment.json, so that the command line needs to know nothing but the bucket. */
export function writeDeploymentFacts(scope: Construct, bucket: s3.Bucket, facts: Deployment): void {
  const body = Stack.of(scope).toJsonString(facts);
  const resource = new AwsCustomResource(scope, "DeploymentFacts", {
    installLatestAwsSdk: false,
    onUpdate: {
      service: "S3",
      action: "putObject",
      physicalResourceId: PhysicalResourceId.of(deploymentKey),
      outputPaths: ["ETag"],
      parameters: { Bucket: bucket.bucketName, Key: deploymentKey, Body: body, ContentType: "application/json" },
    },
    policy: AwsCustomResourcePolicy.fromStatements([
      new iam.PolicyStatement({ actions: ["s3:PutObject"], resources: [bucket.arnForObjects(deploymentKey)] }),
    ]),
  });
  bucket.encryptionKey?.grantEncryptDecrypt(resource);
}
