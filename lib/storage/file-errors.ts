import { type CytolensError, EnvironmentError, TransientError } from "../contract/errors";

const denied = new Set(["EACCES", "EPERM", "EROFS"]);
const full = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);
const passing = new Set(["EMFILE", "ENFILE", "EAGAIN", "EBUSY", "ESTALE"]);

export function errorCode(error: unknown): string | undefined {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}

export const isAbsent = (error: unknown): boolean => errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR";

/** What the operating system said of a file, in the family of errors the pipeline knows. */
export function fileError(error: unknown, doing: string): CytolensError | unknown {
  const code = errorCode(error);
  if (code === undefined) return error;
  const cause = { cause: error };
  const message = (error as Error).message;
  if (full.has(code))
    return new EnvironmentError(
      "storage.full",
      `Expected room for ${doing} but the disk is full (${code}); make room and run again`,
      cause,
    );
  if (denied.has(code))
    return new EnvironmentError("storage.denied", `Expected to be allowed ${doing} but was not: ${message}`, cause);
  if (passing.has(code))
    return new TransientError(
      "storage.busy",
      `Expected ${doing} to succeed but it may only do so later: ${message}`,
      cause,
    );
  return new EnvironmentError("storage.failed", `Expected ${doing} to succeed but it did not: ${message}`, cause);
}
