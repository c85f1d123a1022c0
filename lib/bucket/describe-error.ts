import { CytolensError } from "../contract/errors";
import type { KnownFailure } from "../contract/outcome";

/** An error as outcomes and tables keep it: the code for programs, the message for people. */
export const describeError = (error: unknown): KnownFailure =>
  error instanceof CytolensError
    ? { code: error.code, message: error.message }
    : { code: "unexpected", message: error instanceof Error ? error.message : String(error) };
