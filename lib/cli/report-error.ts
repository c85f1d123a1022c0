import { CytolensError, ModelError, UserError } from "../contract/errors";
import { fileError } from "../storage/file-errors";
import { exitCodes } from "./exit-codes";

interface Issues {
  readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[];
}

/** Prints an error as a sentence, a stack trace for those who ask, and answers the exit code. */
export function reportError(error: unknown, debug: boolean): number {
  const known = named(error);
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  if (!(known instanceof CytolensError)) {
    process.stderr.write(`Unexpected error: ${stack || String(error)}\n`);
    return exitCodes.surroundings;
  }
  process.stderr.write(`${known.message} [${known.code}]\n`);
  if (debug) process.stderr.write(`${stack}\n`);
  return known instanceof UserError || known instanceof ModelError ? exitCodes.usage : exitCodes.surroundings;
}

/**
 * What the operating system, a schema or JSON said, in the family of errors that people know. Whoever reads a file says so
 * with its name; this is for what was forgotten.
 */
function named(error: unknown): unknown {
  if (error instanceof CytolensError) return error;
  if (hasIssues(error)) {
    const faults = error.issues.map(({ path, message }) => `${path.map(String).join(".") || "it"}: ${message}`);
    return new UserError(
      "input.invalid",
      `Expected input of the form that is documented but received:\n  ${faults.join("\n  ")}`,
    );
  }
  if (error instanceof SyntaxError)
    return new UserError("input.invalid", `Expected text that can be read but received another: ${error.message}`);
  const { syscall, path: file } = (error ?? {}) as { readonly syscall?: unknown; readonly path?: unknown };
  return typeof syscall === "string" && typeof file === "string" ? fileError(error, `to use ${file}`) : error;
}

const hasIssues = (error: unknown): error is Issues =>
  error instanceof Error && error.name.endsWith("ZodError") && Array.isArray((error as Partial<Issues>).issues);
