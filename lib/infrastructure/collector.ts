import { Duration } from "aws-cdk-lib";
import * as events from "aws-cdk-lib/aws-events";
import * as targets from "aws-cdk-lib/aws-events-targets";
import { SqsDestination } from "aws-cdk-lib/aws-lambda-destinations";
import type * as nodejs from "aws-cdk-lib/aws-lambda-nodejs";
import type * as sqs from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { incomingPrefix, modelsPrefix, resultsPrefix, runsPrefix } from "../contract/object-keys";
import { allowJobs } from "./batch-access";
import { allowObjects } from "./bucket-access";
import { deadLetterQueue } from "./hints-queue";
import { PipelineFunction } from "./pipeline-function";
import type { PipelineParts } from "./pipeline-parts";

/** Writes summary, table and report when a job has ended, and sends what is unfinished to the on-demand queue first. */
export class Collector extends Construct {
  readonly handler: nodejs.NodejsFunction;
  /** Events nobody could handle: EventBridge gives up after a day, Lambda after three tries. */
  readonly deadLetters: sqs.Queue;

  constructor(
    scope: Construct,
    id: string,
    { configuration, projectRoot, bucket, compute, worker, environment, topic, hints }: PipelineParts,
  ) {
    super(scope, id);
    this.handler = new PipelineFunction(this, "Collect", configuration, {
      projectRoot,
      environment,
      name: "collect",
      timeout: Duration.minutes(15),
      memoryMiB: 2048,
      description: "Collects a finished run into summary, table and report",
    }).handler;
    this.deadLetters = deadLetterQueue(this, "DeadLetters");
    this.handler.configureAsyncInvoke({ retryAttempts: 2, onFailure: new SqsDestination(this.deadLetters) });
    new events.Rule(this, "JobEnded", {
      description: "A Cytolens job or array ended; an array's children are left out",
      eventPattern: {
        source: ["aws.batch"],
        detailType: ["Batch Job State Change"],
        detail: {
          jobQueue: [...new Set([compute.spot.jobQueueArn, compute.onDemand.jobQueueArn])],
          status: ["SUCCEEDED", "FAILED"],
          arrayProperties: { index: [{ exists: false }] },
        },
      },
      targets: [
        new targets.LambdaFunction(this.handler, {
          deadLetterQueue: this.deadLetters,
          retryAttempts: 185,
          maxEventAge: Duration.hours(24),
        }),
      ],
    });
    allowObjects(this.handler, bucket, {
      read: [incomingPrefix, modelsPrefix, runsPrefix, resultsPrefix],
      write: [runsPrefix, resultsPrefix],
    });
    allowJobs(this.handler, compute, worker);
    hints.queue.grant(this.handler, "sqs:SendMessage");
    topic.grantPublish(this.handler);
  }
}
