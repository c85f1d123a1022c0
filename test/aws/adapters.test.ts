import { PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { mockClient } from "aws-sdk-client-mock";
import { itemsPerShard } from "../../lib/aws/shard-size";
import { namedError } from "../../lib/aws/service-errors";
import { SnsNotices, subjectLine } from "../../lib/aws/sns-notices";
import { SqsHints } from "../../lib/aws/sqs-hints";
import { structuredLog } from "../../lib/aws/structured-log";
import { EnvironmentError, ImageError, TransientError } from "../../lib/contract/errors";
import type { BatchName } from "../../lib/contract/names";
import { defaultSettings, settings } from "../../lib/contract/settings";

test("a tick is a delayed message that names the batch", async () => {
  const sqs = mockClient(SQSClient);
  sqs.on(SendMessageCommand).resolves({});
  await new SqsHints(new SQSClient({ region: "eu-west-1" }), "https://queue").tick("slides" as BatchName, 300);
  expect(sqs.commandCalls(SendMessageCommand)[0]?.args[0].input).toEqual({
    QueueUrl: "https://queue",
    DelaySeconds: 300,
    MessageBody: '{"kind":"tick","batch":"slides"}',
  });
});

test("a notice has a subject SNS accepts, and is not endless", async () => {
  const sns = mockClient(SNSClient);
  sns.on(PublishCommand).resolves({});
  await new SnsNotices(new SNSClient({ region: "eu-west-1" }), "topic").publish(
    "Batch Łódź\nBcc: x is done",
    "m".repeat(9_000),
  );
  const { Subject, Message } = sns.commandCalls(PublishCommand)[0]!.args[0].input;
  expect(Subject).toBe("Batch ?odz?Bcc: x is done");
  expect(Message).toHaveLength(8_002);
  expect(subjectLine(" \n ")).toBe("?");
  expect(subjectLine("x".repeat(300))).toHaveLength(100);
  expect(subjectLine("")).toBe("Cytolens");
});

test.each([
  [{ name: "ThrottlingException" }, TransientError],
  [{ name: "Whatever", $metadata: { httpStatusCode: 503 } }, TransientError],
  [{ name: "Error", code: "ECONNRESET" }, TransientError],
  [{ name: "TimeoutError" }, TransientError],
  [{ name: "AccessDeniedException", $metadata: { httpStatusCode: 400 } }, EnvironmentError],
  [{ name: "Whatever", $metadata: { httpStatusCode: 403 } }, EnvironmentError],
  [{ name: "ClientException", message: "wrong", $metadata: { httpStatusCode: 400 } }, EnvironmentError],
])("%j becomes a named error", (error, kind) => {
  expect(namedError(error, "SubmitJob")).toBeInstanceOf(kind);
  expect(namedError(error, "SubmitJob").message).toMatch(/^Expected SubmitJob to be answered but received/);
});

test("a denied permission is not tried again, and says so by its code", () => {
  expect(namedError({ name: "AccessDenied" }, "x").code).toBe("aws.denied");
  const own = new ImageError("image.empty", "m");
  expect(namedError(own, "x")).toBe(own);
});

test("metrics are lines that CloudWatch reads", () => {
  const lines: string[] = [];
  const log = structuredLog(
    "Cytolens",
    (line) => lines.push(line),
    () => 5,
  );
  log.metrics({ ImagesPlanned: 12, WorkerSeconds: 3.5, EstimatedCostUsd: 0.01 }, { batch: "b" });
  expect(JSON.parse(lines[0]!)).toEqual({
    batch: "b",
    Stack: "Cytolens",
    ImagesPlanned: 12,
    WorkerSeconds: 3.5,
    EstimatedCostUsd: 0.01,
    _aws: {
      Timestamp: 5,
      CloudWatchMetrics: [
        {
          Namespace: "Cytolens",
          Dimensions: [["Stack"]],
          Metrics: [
            { Name: "ImagesPlanned", Unit: "Count" },
            { Name: "WorkerSeconds", Unit: "Seconds" },
            { Name: "EstimatedCostUsd", Unit: "None" },
          ],
        },
      ],
    },
  });
});

test("errors are logged with their code, one object a line", () => {
  const lines: string[] = [];
  const log = structuredLog("Cytolens", (line) => lines.push(line));
  log.error("cannot", new TransientError("aws.unavailable", "two\nlines"), { batch: "b" });
  log.error("cannot", new Error("surprise"));
  expect(JSON.parse(lines[0]!)).toMatchObject({
    level: "error",
    batch: "b",
    error: "TransientError",
    code: "aws.unavailable",
    reason: "two\nlines",
  });
  expect(JSON.parse(lines[1]!)).toMatchObject({
    error: "Error",
    reason: "surprise",
    trace: expect.stringContaining("adapters.test"),
  });
  expect(lines.every((line) => !line.includes("\n"))).toBe(true);
});

test("shards are smaller where images take longer, and never empty", () => {
  const heavy = settings.parse({ methods: [{ name: "integrated-gradients", steps: 1024 }, "guided-grad-cam"] });
  const light = settings.parse({ methods: ["gradient"] });
  expect(itemsPerShard("cpu")(1000, heavy)).toBe(1);
  expect(itemsPerShard("cuda")(1000, light)).toBeGreaterThan(itemsPerShard("cuda")(1000, defaultSettings));
  expect(itemsPerShard("cuda")(1000, defaultSettings)).toBeGreaterThan(itemsPerShard("cpu")(1000, defaultSettings));
  expect(itemsPerShard("cuda")(1_000_000, light)).toBeLessThanOrEqual(500);
});
