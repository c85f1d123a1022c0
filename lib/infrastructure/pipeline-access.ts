import type * as lambda from "aws-cdk-lib/aws-lambda";
import { incomingPrefix, modelsPrefix, resultsPrefix, runsPrefix } from "../contract/object-keys";
import { allowJobs } from "./batch-access";
import { allowObjects } from "./bucket-access";
import type { PipelineParts } from "./pipeline-parts";

/** What each of planner, collector and reconciler may do: read the bucket, write runs and results, submit jobs, hint and notify. */
export function allowPipeline(
  handler: lambda.Function,
  { bucket, compute, worker, hints, topic }: PipelineParts,
  { listUploads = false }: { readonly listUploads?: boolean } = {},
): void {
  allowObjects(handler, bucket, {
    read: [incomingPrefix, modelsPrefix, runsPrefix, resultsPrefix],
    write: [runsPrefix, resultsPrefix],
    listUploads,
  });
  allowJobs(handler, compute, worker);
  hints.queue.grant(handler, "sqs:SendMessage");
  topic.grantPublish(handler);
}
