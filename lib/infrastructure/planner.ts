import { Duration } from "aws-cdk-lib";
import { SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import { Construct } from "constructs";
import type * as nodejs from "aws-cdk-lib/aws-lambda-nodejs";
import { planTimeout } from "./hints-queue";
import { allowPipeline } from "./pipeline-access";
import { PipelineFunction } from "./pipeline-function";
import type { PipelineParts } from "./pipeline-parts";

/** Turns uploads into plans and plans into array jobs. */
export class Planner extends Construct {
  readonly handler: nodejs.NodejsFunction;

  constructor(scope: Construct, id: string, parts: PipelineParts) {
    super(scope, id);
    const { configuration, projectRoot, environment, hints } = parts;
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
    allowPipeline(this.handler, parts, { listUploads: true });
  }
}
