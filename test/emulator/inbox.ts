import { SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import { CreateQueueCommand, DeleteMessageCommand, GetQueueAttributesCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { Cloud } from "./cloud";
import { emulatorCredentials } from "./ministack";

export interface Inbox {
  /** The next notice's text; fails when none comes in time. */
  next(): Promise<string>;
}

const patienceSeconds = 15;

/** Reads the stack's notices as a subscriber would. */
export async function subscribe({ endpoint, outputs }: Cloud): Promise<Inbox> {
  const sqs = new SQSClient({ endpoint, ...emulatorCredentials });
  const sns = new SNSClient({ endpoint, ...emulatorCredentials });
  const policy = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Principal: { Service: "sns.amazonaws.com" }, Action: "sqs:SendMessage", Resource: "*" }] };
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: "inbox", Attributes: { Policy: JSON.stringify(policy) } }));
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["QueueArn"] }));
  await sns.send(new SubscribeCommand({ TopicArn: outputs["NoticesTopic"], Protocol: "sqs", Endpoint: Attributes?.["QueueArn"] }));
  sns.destroy();
  return {
    next: async () => {
      for (let waited = 0; waited < patienceSeconds; waited += 5) {
        const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5 }));
        const [message] = Messages;
        if (!message) continue;
        await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: message.ReceiptHandle }));
        return (JSON.parse(message.Body ?? "{}") as { Message?: string }).Message ?? "";
      }
      throw new Error(`no notice within ${patienceSeconds} s`);
    },
  };
}
