import { Duration } from "aws-cdk-lib";
import * as events from "aws-cdk-lib/aws-events";
import type { Construct } from "constructs";
import { EventFunction } from "./event-function";
import type { PipelineParts } from "./pipeline-parts";

/** Finds, on a schedule, what a lost hint left behind. */
export class Reconciler extends EventFunction {
  constructor(scope: Construct, id: string, parts: PipelineParts) {
    super(scope, id, parts, {
      name: "reconcile",
      construct: "Reconcile",
      memoryMiB: 1024,
      description: "Plans, dispatches or collects what a lost event left behind",
      rule: {
        construct: "Schedule",
        description: "Looks for Cytolens batches that a lost event left behind",
        schedule: events.Schedule.rate(Duration.minutes(parts.configuration.reconcileMinutes)),
      },
      listUploads: true,
    });
  }
}
