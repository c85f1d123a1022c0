import { Duration } from "aws-cdk-lib";
import * as s3 from "aws-cdk-lib/aws-s3";
import * as notifications from "aws-cdk-lib/aws-s3-notifications";
import * as sqs from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { incomingPrefix } from "../contract/object-keys";

/** The planner may take this long over one group of messages. */
export const planTimeout = Duration.minutes(5);
const longestRetention = Duration.days(14);

/** What arrives under incoming/, as messages: each says "look", none is believed. */
export class HintsQueue extends Construct {
  readonly queue: sqs.Queue;
  readonly deadLetters: sqs.Queue;

  constructor(scope: Construct, id: string, { bucket }: { readonly bucket: s3.Bucket }) {
    super(scope, id);
    this.deadLetters = deadLetterQueue(this, "DeadLetters");
    this.queue = new sqs.Queue(this, "Queue", {
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      // Lambda asks for six times the function's time-out, so that a slow group is not handed out twice.
      visibilityTimeout: Duration.seconds(planTimeout.toSeconds() * 6),
      retentionPeriod: longestRetention,
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: 5 },
    });
    bucket.addEventNotification(s3.EventType.OBJECT_CREATED, new notifications.SqsDestination(this.queue), {
      prefix: incomingPrefix,
    });
  }
}

/** Where messages go that nobody could handle; an alarm watches each of these. */
export function deadLetterQueue(scope: Construct, id: string): sqs.Queue {
  return new sqs.Queue(scope, id, {
    encryption: sqs.QueueEncryption.SQS_MANAGED,
    enforceSSL: true,
    retentionPeriod: longestRetention,
  });
}
