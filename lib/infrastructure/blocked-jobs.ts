import { Duration } from "aws-cdk-lib";
import * as events from "aws-cdk-lib/aws-events";
import * as targets from "aws-cdk-lib/aws-events-targets";
import type * as sns from "aws-cdk-lib/aws-sns";
import type * as sqs from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import type { Compute } from "./compute";

const of = (field: string): string => events.EventField.fromPath(`$.detail.${field}`);

/**
 * Tells people that no machine takes the first job of a queue, and why: for some reasons AWS Batch cancels it in time, for others
 * (a quota, a role, "UNDETERMINED") it would wait for ever.
 */
export function tellOfBlockedJobs(
  scope: Construct,
  { queues }: Compute,
  topic: sns.Topic,
  deadLetterQueue: sqs.Queue,
): void {
  new events.Rule(scope, "JobsBlocked", {
    description: "The first job of a Cytolens queue cannot be run",
    eventPattern: {
      source: ["aws.batch"],
      detailType: ["Batch Job Queue Blocked"],
      detail: { jobQueue: queues.map(({ jobQueueArn }) => jobQueueArn) },
    },
    targets: [
      new targets.SnsTopic(topic, {
        deadLetterQueue,
        retryAttempts: 185,
        maxEventAge: Duration.hours(24),
        message: events.RuleTargetInput.fromText(
          `AWS Batch finds no machine for job ${of("jobName")}: ${of("statusReason")}. What to do: docs/runbook.md#blocked-jobs`,
        ),
      }),
    ],
  });
}
