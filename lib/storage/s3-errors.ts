import { EnvironmentError, TransientError } from "../contract/errors";
import type { ObjectKey } from "../contract/names";
import { ObjectNotFoundError, PreconditionFailedError } from "./object-store";

const networkCodes = new Set([
  "ECONNRESET",
  "ECONNREFUSED",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "UND_ERR_SOCKET",
  "ERR_STREAM_PREMATURE_CLOSE",
]);
const transientNames = new Set([
  "TimeoutError",
  "RequestTimeout",
  "RequestTimeoutException",
  "SlowDown",
  "ServiceUnavailable",
  "InternalError",
  "Throttling",
  "ThrottlingException",
  "AbortError",
  "ConditionalRequestConflict",
]);
const credentialNames = new Set([
  "CredentialsProviderError",
  "ExpiredToken",
  "ExpiredTokenException",
  "InvalidAccessKeyId",
  "SignatureDoesNotMatch",
  "TokenRefreshRequired",
]);

/** S3 says 409 when a conditional write met another one under way: neither 412 nor a success, so it is tried again. */
export const isConflict = (error: unknown): boolean =>
  statusOf(error) === 409 || nameOf(error) === "ConditionalRequestConflict";
export const isMissing = (error: unknown): boolean => statusOf(error) === 404 && nameOf(error) !== "NoSuchBucket";

/** What S3 or the network on the way to it said, in the family of errors the pipeline knows. */
export function s3Error(
  error: unknown,
  key: ObjectKey | string,
  bucket: string,
  expectation = "no other version",
): unknown {
  const status = statusOf(error);
  const name = nameOf(error);
  const said = `${name}: ${messageOf(error)}`;
  const where = `s3://${bucket}/${key}`;
  const cause = { cause: error };
  if (name === "NoSuchBucket")
    return new EnvironmentError("storage.no-bucket", `Expected a bucket named ${bucket} but there is none`, cause);
  if (status === 404) return new ObjectNotFoundError(key as ObjectKey, cause);
  if (status === 412) return new PreconditionFailedError(key as ObjectKey, expectation, cause);
  if (credentialNames.has(name))
    return new EnvironmentError(
      "storage.credentials",
      `Expected credentials that S3 accepts but received ${said}`,
      cause,
    );
  if (status === 401 || status === 403)
    return new EnvironmentError(
      "storage.denied",
      `Expected to be allowed to use ${JSON.stringify(where)} but S3 denied it (${said}); check the role's policy`,
      cause,
    );
  if (
    status === 409 ||
    status === 429 ||
    (status !== undefined && status >= 500) ||
    transientNames.has(name) ||
    networkCodes.has(codeOf(error))
  ) {
    return new TransientError(
      "storage.unavailable",
      `Expected an answer from S3 for ${JSON.stringify(where)} but received ${said}`,
      cause,
    );
  }
  if (status !== undefined)
    return new EnvironmentError(
      "storage.refused",
      `Expected S3 to accept a request for ${JSON.stringify(where)} but it answered ${status} (${said})`,
      cause,
    );
  return error;
}

function field(error: unknown, name: string): unknown {
  return typeof error === "object" && error !== null ? (error as Record<string, unknown>)[name] : undefined;
}

function statusOf(error: unknown): number | undefined {
  const status = field(field(error, "$metadata"), "httpStatusCode");
  return typeof status === "number" ? status : undefined;
}

const textField = (error: unknown, name: string): string => {
  const value = field(error, name);
  return typeof value === "string" ? value : "";
};
const nameOf = (error: unknown): string => textField(error, "name");
const codeOf = (error: unknown): string => textField(error, "code");
const messageOf = (error: unknown): string => textField(error, "message");
