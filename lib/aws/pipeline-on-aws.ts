import { BatchClient } from "@aws-sdk/client-batch";
import { S3Client } from "@aws-sdk/client-s3";
import { SNSClient } from "@aws-sdk/client-sns";
import { SQSClient } from "@aws-sdk/client-sqs";
import { handlerEnvironmentFrom } from "../contract/handler-environment";
import type { Pipeline } from "../protocol/ports";
import { publishers } from "../protocol/collecting/publishers";
import { systemClock } from "../bucket/clock";
import { S3Store } from "../storage/s3-store";
import { BatchJobQueue } from "./batch-job-queue";
import { meteredStore } from "./metered-store";
import { itemsPerShard } from "./shard-size";
import { SnsNotices } from "./sns-notices";
import { SqsHints } from "./sqs-hints";
import { structuredLog, type StructuredLog } from "./structured-log";

/** A handler must have saved where it was when so much of its time is left. */
const marginMilliseconds = 45_000;

/** Clients live as long as the process, which Lambda reuses. */
const clients = { batch: new BatchClient({}), s3: new S3Client({}), sns: new SNSClient({}), sqs: new SQSClient({}) };

/** The pipeline over S3, SQS, Batch and SNS. Throws an EnvironmentError when the stack's variables are not there. */
export function pipelineOnAws(
  remainingMilliseconds: number,
  variables: NodeJS.ProcessEnv = process.env,
): { pipeline: Pipeline; log: StructuredLog } {
  const environment = handlerEnvironmentFrom(variables);
  const log = structuredLog(environment.stack);
  return {
    log,
    pipeline: {
      store: meteredStore(new S3Store(clients.s3, environment.bucket), log, environment.usdPerHour),
      queue: new BatchJobQueue(clients.batch, {
        spot: environment.spotQueue,
        onDemand: environment.onDemandQueue,
        jobDefinition: environment.jobDefinition,
      }),
      hints: new SqsHints(clients.sqs, environment.hintsQueueUrl),
      notices: new SnsNotices(clients.sns, environment.topic),
      clock: systemClock,
      publishers,
      policy: {
        idleSeconds: environment.idleSeconds,
        itemsPerShard: itemsPerShard(environment.provider),
        jobDefinition: environment.jobDefinition,
        deadline: new Date(Date.now() + Math.max(0, remainingMilliseconds - marginMilliseconds)),
      },
    },
  };
}
