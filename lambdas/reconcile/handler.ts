import type { Context } from "aws-lambda";
import { pipelineOnAws } from "../../lib/aws/pipeline-on-aws";
import { reconcileOnSchedule } from "../../lib/aws/reconcile-schedule";

export async function handler(_event: unknown, context: Context): Promise<void> {
  const { pipeline, log } = pipelineOnAws(context.getRemainingTimeInMillis());
  await reconcileOnSchedule(pipeline, log);
}
