import { SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import { emulatorCredentials } from "./emulator-process";
import { Queue } from "./queue";

interface Notice {
  readonly subject: string;
  readonly message: string;
}

export interface Inbox {
  /** The next notice; fails when none comes in time. */
  next(): Promise<Notice>;
  close(): void;
}

/** Reads a topic's notices as a subscriber would. */
export async function subscribe(endpoint: string, topicArn: string): Promise<Inbox> {
  const queue = await Queue.create(endpoint);
  const sns = new SNSClient({ endpoint, ...emulatorCredentials });
  await sns.send(new SubscribeCommand({ TopicArn: topicArn, Protocol: "sqs", Endpoint: queue.arn }));
  sns.destroy();
  return {
    next: async () => {
      const [body = "{}"] = await queue.take(1);
      const { Subject = "", Message = "" } = JSON.parse(body) as { Subject?: string; Message?: string };
      return { subject: Subject, message: Message };
    },
    close: () => queue.close(),
  };
}
