import { Duration } from "aws-cdk-lib";
import { SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import { Construct } from "constructs";
import type * as nodejs from "aws-cdk-lib/aws-lambda-nodejs";
import { incomingPrefix, modelsPrefix, resultsPrefix, runsPrefix } from "../contract/object-keys";
import { allowJobs } from "./batch-access";
import { allowObjects } from "./bucket-access";
import { planTimeout } from "./hints-queue";
import { PipelineFunction } from "./pipeline-function";
import type { PipelineParts } from "./pipeline-parts";

/** Turns uploads into plans and plans into array jobs. */
export class Planner extends Construct {
  readonly handler: nodejs.NodejsFunction;

  constructor(
    scope: Construct,
    id: string,
    { configuration, projectRoot, bucket, hints, compute, worker, environment, topic }: PipelineParts,
  ) {
    super(scope, id);
    this.handler = new PipelineFunction(this, "Plan", configuration, {
      projectRoot,
      environment,
      name: "plan",
      timeout: planTimeout,
      memoryMiB: 1024,
      description: "Notes activity, plans a batch that is complete, dispatches its shards",
    }).handler;
    // Large groups and few of them: a hundred thousand uploads must not become a hundred thousand looks at the bucket.
    this.handler.addEventSource(
      new SqsEventSource(hints.queue, {
        batchSize: 1000,
        maxBatchingWindow: Duration.seconds(5),
        maxConcurrency: 5,
        reportBatchItemFailures: true,
      }),
    );
    allowObjects(this.handler, bucket, {
      read: [incomingPrefix, modelsPrefix, runsPrefix, resultsPrefix],
      write: [runsPrefix, resultsPrefix],
      listUploads: true,
    });
    allowJobs(this.handler, compute, worker);
    hints.queue.grant(this.handler, "sqs:SendMessage");
    topic.grantPublish(this.handler);
  }
}
