import { s3Error } from "../../lib/storage/s3-errors";
import { emulatorPython, startMinistack } from "../emulator/ministack";
import { s3BucketContract } from "./s3-bucket.contract";

const answer = (httpStatusCode: number, name: string): Record<string, unknown> => ({
  name,
  $metadata: { httpStatusCode },
});
const found = emulatorPython();

("python" in found ? describe : describe.skip)(
  `an S3 bucket${"missing" in found ? ` (skipped: ${found.missing})` : ""}`,
  () => {
    s3BucketContract(() => startMinistack((found as { python: string }).python));
  },
);

describe("what S3 says becomes an error that says whose it is", () => {
  test.each<[string, Record<string, unknown>, string]>([
    ["too many requests", answer(503, "SlowDown"), "TransientError"],
    ["an internal error", answer(500, "InternalError"), "TransientError"],
    ["conditional writes in each other's way", answer(409, "ConditionalRequestConflict"), "TransientError"],
    ["a connection reset", { code: "ECONNRESET" }, "TransientError"],
    ["no answer in time", { name: "TimeoutError" }, "TransientError"],
    ["a denial", answer(403, "AccessDenied"), "EnvironmentError"],
    ["an expired token", answer(400, "ExpiredToken"), "EnvironmentError"],
    ["no bucket", answer(404, "NoSuchBucket"), "EnvironmentError"],
    ["no object", answer(404, "NoSuchKey"), "ObjectNotFoundError"],
    ["another version", answer(412, "PreconditionFailed"), "PreconditionFailedError"],
  ])("%s", (_label, said, expected) => {
    expect((s3Error(Object.assign(new Error("said"), said), "a", "bucket") as Error).name).toBe(expected);
  });
});
