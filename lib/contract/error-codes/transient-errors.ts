import type { CodeTable } from "./code-table";

/** Codes of TransientError. */
export const transientErrors = {
  "aws.unavailable": {
    means: "AWS is throttling, out of order, or cannot be reached.",
    remedy: "Wait; if it lasts, check the network and the account's quotas.",
  },
  "storage.busy": {
    means: "The file system could not serve a request at that moment.",
    remedy: "Wait; if it lasts, close programs that hold many files open.",
  },
  "storage.changing": {
    means: "A file kept changing while it was read.",
    remedy: "Wait until it is written.",
  },
  "storage.contended": {
    means: "Others kept writing the same object.",
    remedy: "Wait; nothing is lost.",
  },
  "storage.locked": {
    means: "Another process held a file's lock for too long.",
    remedy: "Wait for that process, or end it if it hangs; the message names it.",
  },
  "storage.short-read": {
    means: "A connection to S3 ended before the whole object had come.",
    remedy: "Wait; if it lasts, check the network.",
  },
  "storage.unavailable": {
    means: "S3 is throttling, out of order, or cannot be reached.",
    remedy: "Wait; if it lasts, check the network.",
  },
} satisfies CodeTable;
