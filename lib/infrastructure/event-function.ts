import { Duration } from "aws-cdk-lib";
import * as events from "aws-cdk-lib/aws-events";
import * as targets from "aws-cdk-lib/aws-events-targets";
import { SqsDestination } from "aws-cdk-lib/aws-lambda-destinations";
import type * as nodejs from "aws-cdk-lib/aws-lambda-nodejs";
import type * as sqs from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { deadLetterQueue } from "./hints-queue";
import { allowPipeline } from "./pipeline-access";
import { PipelineFunction } from "./pipeline-function";
import type { PipelineParts } from "./pipeline-parts";

interface EventFunctionProps {
  /** The folder under lambdas/. */
  readonly name: "collect" | "reconcile";
  /** The function's name in the construct tree. */
  readonly construct: string;
  readonly description: string;
  readonly memoryMiB: number;
  /** What calls it, by its name in the construct tree. */
  readonly rule: events.RuleProps & { readonly construct: string };
  readonly listUploads?: boolean;
}

/** A handler that EventBridge calls, tried again for a day; events that nobody could handle are kept. */
export abstract class EventFunction extends Construct {
  readonly handler: nodejs.NodejsFunction;
  /** EventBridge gives up after a day, Lambda after three tries. */
  readonly deadLetters: sqs.Queue;

  protected constructor(
    scope: Construct,
    id: string,
    parts: PipelineParts,
    {
      name,
      construct,
      description,
      memoryMiB,
      rule: { construct: ruleConstruct, ...rule },
      listUploads,
    }: EventFunctionProps,
  ) {
    super(scope, id);
    this.handler = new PipelineFunction(this, construct, parts.configuration, {
      projectRoot: parts.projectRoot,
      environment: parts.environment,
      name,
      timeout: Duration.minutes(15),
      memoryMiB,
      description,
    }).handler;
    this.deadLetters = deadLetterQueue(this, "DeadLetters");
    this.handler.configureAsyncInvoke({ retryAttempts: 2, onFailure: new SqsDestination(this.deadLetters) });
    new events.Rule(this, ruleConstruct, {
      ...rule,
      targets: [
        new targets.LambdaFunction(this.handler, {
          deadLetterQueue: this.deadLetters,
          retryAttempts: 185,
          maxEventAge: Duration.hours(24),
        }),
      ],
    });
    allowPipeline(this.handler, parts, listUploads === undefined ? {} : { listUploads });
  }
}
