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

/** Finds, on a schedule, what a lost hint left behind. */
export class Reconciler extends Construct {
  readonly handler: nodejs.NodejsFunction;
  readonly deadLetters: sqs.Queue;

  constructor(
    scope: Construct,
    id: string,
    { configuration, projectRoot, bucket, compute, worker, environment, topic, hints }: PipelineParts,
  ) {
    super(scope, id);
    this.handler = new PipelineFunction(this, "Reconcile", configuration, {
      projectRoot,
      environment,
      name: "reconcile",
      timeout: Duration.minutes(15),
      memoryMiB: 1024,
      description: "Plans, dispatches or collects what a lost event left behind",
    }).handler;
    this.deadLetters = deadLetterQueue(this, "DeadLetters");
    this.handler.configureAsyncInvoke({ retryAttempts: 2, onFailure: new SqsDestination(this.deadLetters) });
    new events.Rule(this, "Schedule", {
      description: "Looks for Cytolens batches that a lost event left behind",
      schedule: events.Schedule.rate(Duration.minutes(configuration.reconcileMinutes)),
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
      listUploads: true,
    });
    allowJobs(this.handler, compute, worker);
    hints.queue.grant(this.handler, "sqs:SendMessage");
    topic.grantPublish(this.handler);
  }
}
