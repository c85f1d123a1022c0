import type * as s3 from "aws-cdk-lib/aws-s3";
import type * as sns from "aws-cdk-lib/aws-sns";
import type { HandlerEnvironment } from "../contract/handler-environment";
import type { Compute } from "./compute";
import type { Configuration } from "./configuration";
import type { HintsQueue } from "./hints-queue";
import type { HardenedJob } from "./worker-job";

/** What planner, collector and reconciler share. */
export interface PipelineParts {
  readonly configuration: Configuration;
  readonly projectRoot: string;
  readonly bucket: s3.Bucket;
  readonly hints: HintsQueue;
  readonly compute: Compute;
  readonly worker: HardenedJob;
  readonly topic: sns.Topic;
  readonly environment: HandlerEnvironment;
}
