import { BatchClient } from "@aws-sdk/client-batch";
import { S3Client } from "@aws-sdk/client-s3";
import { SNSClient } from "@aws-sdk/client-sns";
import { SQSClient } from "@aws-sdk/client-sqs";
import { z } from "zod";
import { EnvironmentError } from "../contract/errors";
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

/** What the stack tells its handlers. */
const handlerEnvironment = z.object({
  CYTOLENS_BUCKET: z.string().min(1),
  CYTOLENS_HINTS_QUEUE_URL: z.url(),
  CYTOLENS_SPOT_QUEUE: z.string().min(1),
  CYTOLENS_ON_DEMAND_QUEUE: z.string().min(1),
  CYTOLENS_JOB_DEFINITION: z.string().min(1),
  CYTOLENS_TOPIC: z.string().min(1),
  CYTOLENS_STACK: z.string().min(1),
  CYTOLENS_IDLE_SECONDS: z.coerce.number().int().min(1),
  CYTOLENS_PROVIDER: z.enum(["cpu", "cuda"]),
  CYTOLENS_USD_PER_HOUR: z.coerce.number().positive().optional(),
});

/** A handler must have saved where it was when so much of its time is left. */
const marginMilliseconds = 45_000;

/** Clients live as long as the process, which Lambda reuses. */
const clients = { batch: new BatchClient({}), s3: new S3Client({}), sns: new SNSClient({}), sqs: new SQSClient({}) };

/** The pipeline over S3, SQS, Batch and SNS. Throws an EnvironmentError when the stack's variables are not there. */
export function pipelineOnAws(
  remainingMilliseconds: number,
  environment: NodeJS.ProcessEnv = process.env,
): { pipeline: Pipeline; log: StructuredLog } {
  const parsed = handlerEnvironment.safeParse(environment);
  if (!parsed.success) {
    throw new EnvironmentError(
      "aws.handler-environment",
      `Expected the stack's variables but ${parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ")}`,
    );
  }
  const told = parsed.data;
  const log = structuredLog(told.CYTOLENS_STACK);
  return {
    log,
    pipeline: {
      store: meteredStore(new S3Store(clients.s3, told.CYTOLENS_BUCKET), log, told.CYTOLENS_USD_PER_HOUR),
      queue: new BatchJobQueue(clients.batch, {
        spot: told.CYTOLENS_SPOT_QUEUE,
        onDemand: told.CYTOLENS_ON_DEMAND_QUEUE,
        jobDefinition: told.CYTOLENS_JOB_DEFINITION,
      }),
      hints: new SqsHints(clients.sqs, told.CYTOLENS_HINTS_QUEUE_URL),
      notices: new SnsNotices(clients.sns, told.CYTOLENS_TOPIC),
      clock: systemClock,
      publishers,
      policy: {
        idleSeconds: told.CYTOLENS_IDLE_SECONDS,
        itemsPerShard: itemsPerShard(told.CYTOLENS_PROVIDER),
        jobDefinition: told.CYTOLENS_JOB_DEFINITION,
        deadline: new Date(Date.now() + Math.max(0, remainingMilliseconds - marginMilliseconds)),
      },
    },
  };
}
