import { messagesContract } from "../aws/messages.contract";
import { s3BucketContract } from "../storage/s3-bucket.contract";
import type { Emulator } from "./emulator-process";
import { localstackPython, startLocalstack } from "./localstack";

// Only `npm run test:localstack` runs this: the first time it installs 180 MB, and it wants a Python that few have.
const start = (): Promise<Emulator> => {
  const found = localstackPython();
  if ("missing" in found) throw new Error(`Expected LocalStack but ${found.missing}`);
  return startLocalstack(found.python);
};

// It compares percent-encoded keys where S3 compares the keys' bytes, and cannot go on at a key that is not ASCII.
const paging = [
  "such keys are listed in that order over pages",
  "is in the order of UTF-8 bytes, whatever the size of its pages",
  "starts after a key, there or not",
  "with a delimiter names folders once, over pages",
];

describe("LocalStack's S3 bucket", () => s3BucketContract(start, { known: paging }));
describe("LocalStack's queues and notices", () =>
  messagesContract(start, { keyOfSpaceAndPlus: "incoming/keys/a%20b%2Bc.png" }));
