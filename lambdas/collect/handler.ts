import type { Context, EventBridgeEvent } from "aws-lambda";
import { collectAfterJob } from "../../lib/aws/job-events";
import { pipelineOnAws } from "../../lib/aws/pipeline-on-aws";

export async function handler(
  event: EventBridgeEvent<"Batch Job State Change", unknown>,
  context: Context,
): Promise<void> {
  const { pipeline, log } = pipelineOnAws(context.getRemainingTimeInMillis());
  await collectAfterJob(pipeline, log, event);
}
