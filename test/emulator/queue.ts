import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { emulatorCredentials } from "./emulator-process";

const patienceMilliseconds = 20_000;
let queues = 0;

/** A queue of an emulated account that S3 and SNS may write to, and that a test reads. */
export class Queue {
  private constructor(
    readonly client: SQSClient,
    readonly url: string,
    readonly arn: string,
  ) {}

  static async create(endpoint: string, attributes: Readonly<Record<string, string>> = {}): Promise<Queue> {
    const client = new SQSClient({ endpoint, ...emulatorCredentials });
    const policy = {
      Version: "2012-10-17",
      Statement: [
        {
          Effect: "Allow",
          Principal: { Service: ["s3.amazonaws.com", "sns.amazonaws.com"] },
          Action: "sqs:SendMessage",
          Resource: "*",
        },
      ],
    };
    const { QueueUrl = "" } = await client.send(
      new CreateQueueCommand({
        QueueName: `cytolens-queue-${++queues}`,
        Attributes: { Policy: JSON.stringify(policy), ...attributes },
      }),
    );
    const { Attributes } = await client.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["QueueArn"] }));
    return new Queue(client, QueueUrl, Attributes?.["QueueArn"] ?? "");
  }

  async send(body: string): Promise<void> {
    await this.client.send(new SendMessageCommand({ QueueUrl: this.url, MessageBody: body }));
  }

  /** Up to ten messages; none where none comes within so many seconds. */
  async receive(waitSeconds = 1, atMost = 10): Promise<Message[]> {
    const { Messages = [] } = await this.client.send(
      new ReceiveMessageCommand({
        QueueUrl: this.url,
        MaxNumberOfMessages: atMost,
        WaitTimeSeconds: waitSeconds,
        MessageSystemAttributeNames: ["ApproximateReceiveCount"],
      }),
    );
    return Messages;
  }

  async remove({ ReceiptHandle }: Message): Promise<void> {
    await this.client.send(new DeleteMessageCommand({ QueueUrl: this.url, ReceiptHandle }));
  }

  /** Ends a message's time in hand: it may be received again at once. */
  async giveBack({ ReceiptHandle }: Message): Promise<void> {
    await this.client.send(
      new ChangeMessageVisibilityCommand({ QueueUrl: this.url, ReceiptHandle, VisibilityTimeout: 0 }),
    );
  }

  /** Takes so many messages off the queue; fails when they do not come. */
  async take(count: number): Promise<string[]> {
    const bodies: string[] = [];
    for (const deadline = Date.now() + patienceMilliseconds; bodies.length < count;) {
      if (Date.now() > deadline)
        throw new Error(
          `Expected ${count} messages within ${patienceMilliseconds / 1000} s but received ${bodies.length}`,
        );
      for (const message of await this.receive(5, Math.min(10, count - bodies.length))) {
        bodies.push(message.Body ?? "");
        await this.remove(message);
      }
    }
    return bodies;
  }

  close(): void {
    this.client.destroy();
  }
}
