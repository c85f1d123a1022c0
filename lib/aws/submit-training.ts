import { BatchClient, SubmitJobCommand } from "@aws-sdk/client-batch";
import { EnvironmentError, UserError } from "../contract/errors";
import type { Deployment } from "../contract/deployment";
import { answered } from "./service-errors";

/** Puts a training into the stack's queue. Throws a UserError when the stack has no job definition for it. */
export async function submitTraining(
  { queue, training, stack }: Deployment,
  name: string,
  flags: readonly string[],
  client = new BatchClient({}),
): Promise<{ readonly jobId: string }> {
  if (training === null)
    throw new UserError(
      "training.not-deployed",
      `Expected a stack that trains but ${stack} was deployed with "training": false`,
    );
  const { jobId } = await answered("SubmitJob", () =>
    client.send(
      new SubmitJobCommand({
        jobName: `train-${name}`,
        jobQueue: queue,
        jobDefinition: training.jobDefinition,
        // Comes back in the event when the job ends.
        parameters: { training: name },
        containerOverrides: {
          environment: [
            { name: "CYTOLENS_TRAINING", value: name },
            { name: "CYTOLENS_TRAINING_FLAGS", value: JSON.stringify(flags) },
          ],
        },
      }),
    ),
  );
  if (jobId === undefined)
    throw new EnvironmentError("aws.refused", "Expected a job id from SubmitJob but received none");
  return { jobId };
}
