import type { Construct } from "constructs";
import { EventFunction } from "./event-function";
import type { PipelineParts } from "./pipeline-parts";

/** Writes summary, table and report when a job has ended, and sends what is unfinished to the on-demand queue first. */
export class Collector extends EventFunction {
  constructor(scope: Construct, id: string, parts: PipelineParts) {
    super(scope, id, parts, {
      name: "collect",
      construct: "Collect",
      memoryMiB: 2048,
      description: "Collects a finished run into summary, table and report",
      rule: {
        construct: "JobEnded",
        description: "A Cytolens job or array ended; an array's children are left out",
        eventPattern: {
          source: ["aws.batch"],
          detailType: ["Batch Job State Change"],
          detail: {
            jobQueue: parts.compute.queues.map(({ jobQueueArn }) => jobQueueArn),
            status: ["SUCCEEDED", "FAILED"],
            arrayProperties: { index: [{ exists: false }] },
          },
        },
      },
    });
  }
}
