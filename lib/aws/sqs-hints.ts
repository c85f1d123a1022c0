import { SendMessageCommand, type SQSClient } from "@aws-sdk/client-sqs";
import { z } from "zod";
import { batchName, type BatchName } from "../contract/names";
import type { Hints } from "../protocol/ports";
import { answered } from "./service-errors";

/** A message of ours among S3's: look at this batch. */
export const tickMessage = z.strictObject({ kind: z.literal("tick"), batch: batchName });

export class SqsHints implements Hints {
  constructor(
    private readonly client: SQSClient,
    private readonly queueUrl: string,
  ) {}

  async tick(batch: BatchName, delaySeconds: number): Promise<void> {
    await answered("SendMessage", () =>
      this.client.send(
        new SendMessageCommand({
          QueueUrl: this.queueUrl,
          MessageBody: JSON.stringify({ kind: "tick", batch }),
          DelaySeconds: delaySeconds,
        }),
      ),
    );
  }
}
