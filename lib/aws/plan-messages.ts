import type { SQSBatchResponse, SQSRecord } from "aws-lambda";
import { z } from "zod";
import type { BatchName } from "../contract/names";
import { handleTick } from "../protocol/handle-tick";
import { noteEvents } from "../protocol/note-uploads";
import type { Pipeline } from "../protocol/ports";
import { tickMessage } from "./sqs-hints";
import type { StructuredLog } from "./structured-log";

/** What S3 sends when an object is created, as far as we read it, and what it sends once when it is set up. */
const uploadMessage = z.object({
  Records: z.array(z.object({ s3: z.object({ object: z.object({ key: z.string() }) }) })),
});
const testMessage = z.object({ Event: z.literal("s3:TestEvent") });

interface Upload {
  readonly key: string;
  readonly messageId: string;
}

/** Handles a group of messages; answers which to deliver again. A message that cannot be read, or fails, fails alone. */
export async function planMessages(
  pipeline: Pipeline,
  log: StructuredLog,
  messages: readonly Pick<SQSRecord, "messageId" | "body">[],
): Promise<SQSBatchResponse> {
  const failed = new Set<string>();
  const uploads: Upload[] = [];
  const ticks = new Map<BatchName, string[]>();
  for (const { messageId, body } of messages) {
    try {
      const read = readMessage(body);
      if (read.kind === "uploads") uploads.push(...read.keys.map((key) => ({ key, messageId })));
      if (read.kind === "tick") ticks.set(read.batch, [...(ticks.get(read.batch) ?? []), messageId]);
    } catch (error) {
      failed.add(messageId);
      log.error("cannot read a message", error, { messageId, body: body.slice(0, 500) });
    }
  }
  for (const { event, error } of await noteEvents(pipeline, uploads)) {
    failed.add(event.messageId);
    log.error("cannot note an upload", error, { key: event.key });
  }
  for (const [batch, messageIds] of ticks) {
    try {
      const outcome = await handleTick(pipeline, batch);
      log.info("looked at a batch", {
        batch,
        outcome: outcome.state,
        ...("plan" in outcome ? { run: outcome.plan.run, items: outcome.plan.items } : {}),
      });
    } catch (error) {
      for (const messageId of messageIds) failed.add(messageId);
      log.error("cannot plan a batch", error, { batch });
    }
  }
  return { batchItemFailures: [...failed].map((itemIdentifier) => ({ itemIdentifier })) };
}

export type Message =
  | { readonly kind: "uploads"; readonly keys: string[] }
  | { readonly kind: "tick"; readonly batch: BatchName }
  | { readonly kind: "test" };

/** What a message of the queue says; throws where it is none of S3's or ours. */
export function readMessage(body: string): Message {
  const value: unknown = JSON.parse(body);
  if (testMessage.safeParse(value).success) return { kind: "test" };
  const tick = tickMessage.safeParse(value);
  if (tick.success) return { kind: "tick", batch: tick.data.batch };
  return { kind: "uploads", keys: uploadMessage.parse(value).Records.map(({ s3 }) => keyInEvent(s3.object.key)) };
}

/** S3 writes keys into events as forms do: a space as +, everything else that is special as %XX. */
export const keyInEvent = (encoded: string): string => decodeURIComponent(encoded.replaceAll("+", " "));
