import type { Context, SQSBatchResponse, SQSEvent } from "aws-lambda";
import { pipelineOnAws } from "../../lib/aws/pipeline-on-aws";
import { planMessages } from "../../lib/aws/plan-messages";

export async function handler({ Records }: SQSEvent, context: Context): Promise<SQSBatchResponse> {
  const { pipeline, log } = pipelineOnAws(context.getRemainingTimeInMillis());
  return planMessages(pipeline, log, Records);
}
