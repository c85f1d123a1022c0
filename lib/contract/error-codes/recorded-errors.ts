import type { CodeTable } from "./code-table";

/** Codes of the errors of a store: an object is not there, or not as it was. */
export const objectErrors = {
  "storage.not-found": {
    means: "An object that should be in the bucket is not there.",
    remedy: "Put it back if somebody removed it; the message names it.",
  },
  "storage.precondition-failed": {
    means: "An object was changed, or created, by somebody else in between.",
    remedy: "Read it again and repeat what was to be done.",
  },
} satisfies CodeTable;

/** Codes that no error class carries: they are written as the reason why an image failed. */
export const recordedErrors = {
  unexpected: {
    means: "An error that has no code: a fault of Cytolens, or of something it did not foresee.",
    remedy: "Open an issue with the message.",
  },
  "worker.killed": {
    means: "Two workers were killed over this image, the second while it held nothing else.",
    remedy: "Give workers more memory, or make the image smaller.",
  },
  "worker.unfinished": {
    means: "No worker finished this image, after as many jobs as may be tried.",
    remedy: "Read the reasons of the jobs in the message, mend the cause and upload the image again.",
  },
} satisfies CodeTable;
