import { PublishCommand, type SNSClient } from "@aws-sdk/client-sns";
import type { Notices } from "../protocol/ports";
import { answered } from "./service-errors";

const longestSubject = 100;
/** SNS takes 256 KiB; a mail that long helps nobody. */
const longestMessage = 8_000;

export class SnsNotices implements Notices {
  constructor(
    private readonly client: SNSClient,
    private readonly topicArn: string,
  ) {}

  async publish(subject: string, message: string): Promise<void> {
    await answered("Publish", () =>
      this.client.send(
        new PublishCommand({
          TopicArn: this.topicArn,
          Subject: subjectLine(subject),
          Message: message.length > longestMessage ? `${message.slice(0, longestMessage)}\n…` : message,
        }),
      ),
    );
  }
}

/** SNS wants a subject of 1 to 100 printable ASCII characters that does not begin with a space. */
export function subjectLine(text: string): string {
  const plain = text
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/[^\x20-\x7e]+/g, "?")
    .trim();
  return (plain || "Cytolens").slice(0, longestSubject);
}
