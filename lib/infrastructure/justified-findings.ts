import { Validations, type Stack } from "aws-cdk-lib";
import type * as s3 from "aws-cdk-lib/aws-s3";
import { incomingPrefix, modelsPrefix, resultsPrefix, runsPrefix, trainingPrefix } from "../contract/object-keys";

/**
 * Findings of cdk-nag's AwsSolutions rules that we mean to keep, each with its reason.
 * Anything else a change brings in fails the tests.
 */
export function justifyFindings(stack: Stack, bucket: s3.Bucket): void {
  const bucketId = stack.getLogicalId(bucket.node.defaultChild as s3.CfnBucket);
  const jobDefinitions = `arn:<AWS::Partition>:batch:<AWS::Region>:<AWS::AccountId>:job-definition/${stack.stackName}-worker:*`;
  const reasons: Record<string, string> = {
    "AwsSolutions-S1":
      "Access logs would need a second bucket and cost while idle; every object the pipeline writes names its run, and CloudTrail data events can be turned on where a lab must keep them.",
    "AwsSolutions-VPC7":
      "Workers accept no connection and may leave only by TLS; flow logs cost by the gigabyte. A lab that needs them brings its own network (network.kind existing).",
    "AwsSolutions-SQS3":
      "These queues are dead-letter queues, of EventBridge targets and Lambda destinations, which the rule does not see.",
    [managedPolicy("AWSLambdaBasicExecutionRole")]:
      "CDK's own custom resources (bucket notification, copy of the default model), which run at deploy only.",
    [managedPolicy("AmazonEC2ContainerServiceforEC2Role")]:
      "AWS's own policy for the ECS agent, which changes with the agent. The host refuses the job's user what would hand it out: the instance's metadata and the agent.",
    "AwsSolutions-IAM5[Resource::*]":
      "AWS Batch knows no resource for ListJobs and DescribeJobs; GetAuthorizationToken of ECR has none either. Both only read.",
    [`AwsSolutions-IAM5[Resource::${jobDefinitions}]`]:
      "Every revision of this stack's one job definition: a run goes on with the revision it was planned with.",
    "AwsSolutions-IAM5[Action::kms:GenerateDataKey*]":
      "CDK's grant for the copy of the default model, on the one key the lab named.",
    "AwsSolutions-IAM5[Action::kms:ReEncrypt*]":
      "CDK's grant for the copy of the default model, on the one key the lab named.",
  };
  for (const prefix of [incomingPrefix, runsPrefix, resultsPrefix, modelsPrefix, trainingPrefix]) {
    reasons[`AwsSolutions-IAM5[Resource::<${bucketId}.Arn>/${prefix}*]`] =
      `The objects under ${prefix} of the one bucket: their names are the lab's. Which role may do what there is asserted in the tests.`;
  }
  for (const [id, reason] of Object.entries(reasons)) Validations.of(stack).acknowledge({ id, reason });
}

const managedPolicy = (name: string): string =>
  `AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/${name}]`;
