import { CreateBucketCommand, PutBucketNotificationConfigurationCommand, S3Client } from "@aws-sdk/client-s3";
import { CreateTopicCommand, SNSClient } from "@aws-sdk/client-sns";
import type { Message } from "@aws-sdk/client-sqs";
import { planMessages, readMessage } from "../../lib/aws/plan-messages";
import { SnsNotices } from "../../lib/aws/sns-notices";
import { SqsHints } from "../../lib/aws/sqs-hints";
import type { BatchName, ObjectKey } from "../../lib/contract/names";
import { S3Store } from "../../lib/storage/s3-store";
import { emulatorCredentials, type Emulator } from "../emulator/emulator-process";
import { subscribe } from "../emulator/inbox";
import { Queue } from "../emulator/queue";
import { hintsContract } from "../protocol/hints.contract";
import { uploadEventsContract } from "../protocol/upload-events.contract";
import { surroundings } from "./surroundings";

const batch = (text: string): BatchName => text as BatchName;
const key = (text: string): ObjectKey => text as ObjectKey;
const asLambdaHasIt = ({ MessageId = "", Body = "" }: Message): { messageId: string; body: string } => ({
  messageId: MessageId,
  body: Body,
});

/** What the pipeline needs of an account's queues and notices, through our own senders and readers. */
export function messagesContract(
  start: () => Promise<Emulator>,
  {
    keyOfSpaceAndPlus,
  }: {
    /** How its events write the key "incoming/keys/a b+c.png"; AWS writes "incoming/keys/a+b%2Bc.png". */
    readonly keyOfSpaceAndPlus: string;
  },
): void {
  let emulator: Emulator;
  let s3: S3Client;
  let sns: SNSClient;
  let buckets = 0;
  beforeAll(async () => {
    emulator = await start();
    s3 = new S3Client({ endpoint: emulator.endpoint, ...emulatorCredentials });
    sns = new SNSClient({ endpoint: emulator.endpoint, ...emulatorCredentials });
  }, 60_000);
  afterAll(async () => {
    s3?.destroy();
    sns?.destroy();
    await emulator?.stop();
  });

  /** A bucket that tells a queue of what comes under incoming/, as the stack's does. */
  async function bucketWithEvents(): Promise<{ store: S3Store; queue: Queue }> {
    const Bucket = `cytolens-messages-${++buckets}`;
    const queue = await Queue.create(emulator.endpoint);
    await s3.send(new CreateBucketCommand({ Bucket }));
    await s3.send(
      new PutBucketNotificationConfigurationCommand({
        Bucket,
        NotificationConfiguration: {
          QueueConfigurations: [
            {
              QueueArn: queue.arn,
              Events: ["s3:ObjectCreated:*"],
              Filter: { Key: { FilterRules: [{ Name: "prefix", Value: "incoming/" }] } },
            },
          ],
        },
      }),
    );
    return { store: new S3Store(s3, Bucket), queue };
  }

  describe("ticks over SQS", () => {
    hintsContract(async () => {
      const queue = await Queue.create(emulator.endpoint);
      const received = async (count: number): Promise<readonly string[]> =>
        (await queue.take(count)).map((body) => {
          const message = readMessage(body);
          return message.kind === "tick" ? message.batch : `no tick: ${body}`;
        });
      return { hints: new SqsHints(queue.client, queue.url), received, close: () => queue.close() };
    });

    test("a queue that is not there is the surroundings' fault", async () => {
      const queue = await Queue.create(emulator.endpoint);
      await expect(new SqsHints(queue.client, `${queue.url}-gone`).tick(batch("a"), 0)).rejects.toMatchObject({
        code: "aws.refused",
      });
      queue.close();
    });
  });

  describe("uploads told through S3 and SQS", () => {
    uploadEventsContract(async () => {
      const { store, queue } = await bucketWithEvents();
      const news = async (): Promise<readonly string[]> => {
        const messages = await queue.receive();
        await Promise.all(messages.map((message) => queue.remove(message)));
        return messages.flatMap(({ Body = "" }) => {
          const message = readMessage(Body);
          return message.kind === "uploads" ? message.keys : [];
        });
      };
      return { store, news, close: async () => queue.close() };
    });

    test("keys are written in events as expected of this account", async () => {
      const { store, queue } = await bucketWithEvents();
      await store.write(key("incoming/keys/a b+c.png"), "x");
      let written: string | undefined;
      while (written === undefined) {
        const [body = "{}"] = await queue.take(1);
        written = (JSON.parse(body) as { Records?: { s3: { object: { key: string } } }[] }).Records?.[0]?.s3.object.key;
      }
      expect(written).toBe(keyOfSpaceAndPlus);
      queue.close();
    });
  });

  describe("a queue", () => {
    test("a message in hand is no one else's, and comes again when it was not removed", async () => {
      const queue = await Queue.create(emulator.endpoint, { VisibilityTimeout: "120" });
      await queue.send("once");
      const [first] = await queue.receive(10);
      expect(await queue.receive()).toEqual([]);
      await queue.giveBack(first!);
      const [second] = await queue.receive(10);
      expect(second).toMatchObject({
        MessageId: first!.MessageId,
        Body: "once",
        Attributes: { ApproximateReceiveCount: "2" },
      });
      await queue.remove(second!);
      queue.close();
    });

    test("a message comes again by itself when its time in hand is over", async () => {
      const queue = await Queue.create(emulator.endpoint, { VisibilityTimeout: "1" });
      await queue.send("again");
      expect(await queue.receive(10)).toHaveLength(1);
      expect(await queue.take(1)).toEqual(["again"]);
      queue.close();
    });

    test("of a group the message that fails comes again alone, and at last lies among the dead letters as it was", async () => {
      const deadLetters = await Queue.create(emulator.endpoint);
      const redrive = { deadLetterTargetArn: deadLetters.arn, maxReceiveCount: 3 };
      const queue = await Queue.create(emulator.endpoint, {
        VisibilityTimeout: "120",
        RedrivePolicy: JSON.stringify(redrive),
      });
      const { store } = await bucketWithEvents();
      const { pipeline, log, ticks } = surroundings(store);
      const poison = "this is no message of S3's: é 🔬 <&>\"";
      await queue.send(JSON.stringify({ Records: [{ s3: { object: { key: "incoming/slides+1/a.png" } } }] }));
      await queue.send(poison);
      await new SqsHints(queue.client, queue.url).tick(batch("gone"), 0);

      const failures: string[] = [];
      let handled = 0;
      // What Lambda does with the answer: what succeeded is removed, what failed comes again.
      for (let idle = 0; idle < 2;) {
        const messages = await queue.receive(2);
        idle = messages.length === 0 ? idle + 1 : 0;
        const failed = new Set(
          (await planMessages(pipeline, log, messages.map(asLambdaHasIt))).batchItemFailures.map(
            ({ itemIdentifier }) => itemIdentifier,
          ),
        );
        for (const message of messages) {
          if (failed.has(message.MessageId ?? "")) {
            failures.push(message.Body ?? "");
            await queue.giveBack(message);
          } else {
            handled++;
            await queue.remove(message);
          }
        }
      }
      expect(failures).toEqual([poison, poison, poison]);
      expect(handled).toBe(2);
      expect(ticks.map(([name]) => name)).toEqual(["slides 1"]);
      expect(await deadLetters.take(1)).toEqual([poison]);
      deadLetters.close();
      queue.close();
    });
  });

  describe("notices over SNS", () => {
    test("a subscriber reads subject and message", async () => {
      const { TopicArn = "" } = await sns.send(new CreateTopicCommand({ Name: "notices" }));
      const inbox = await subscribe(emulator.endpoint, TopicArn);
      const notices = new SnsNotices(sns, TopicArn);
      await notices.publish("Batch Łódź\nBcc: x is done", '3 of 3 images: é 🔬 <&> "quoted"\nsecond line');
      expect(await inbox.next()).toEqual({
        subject: "Batch ?odz?Bcc: x is done",
        message: '3 of 3 images: é 🔬 <&> "quoted"\nsecond line',
      });
      await notices.publish("", "m".repeat(9_000));
      expect(await inbox.next()).toEqual({ subject: "Cytolens", message: `${"m".repeat(8_000)}\n…` });
      inbox.close();
    });

    test("a topic that is not there is the surroundings' fault", async () => {
      const { TopicArn = "" } = await sns.send(new CreateTopicCommand({ Name: "other" }));
      await expect(new SnsNotices(sns, `${TopicArn}-gone`).publish("s", "m")).rejects.toMatchObject({
        code: "aws.refused",
      });
    });
  });
}
