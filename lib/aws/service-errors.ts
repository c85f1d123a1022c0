import { CytolensError, EnvironmentError, TransientError } from "../contract/errors";

const transientNames: ReadonlySet<string> = new Set([
  "ThrottlingException",
  "Throttling",
  "TooManyRequestsException",
  "RequestLimitExceeded",
  "RequestTimeout",
  "RequestTimeoutException",
  "TimeoutError",
  "ServerException",
  "ServiceUnavailable",
  "InternalError",
  "InternalFailure",
  "KMSThrottling",
  "RequestThrottled",
]);
const deniedNames: ReadonlySet<string> = new Set([
  "AccessDenied",
  "AccessDeniedException",
  "AuthorizationError",
  "UnrecognizedClientException",
  "ExpiredTokenException",
  "CredentialsProviderError",
]);
const networkCodes: ReadonlySet<string> = new Set([
  "ECONNRESET",
  "ECONNREFUSED",
  "EPIPE",
  "ETIMEDOUT",
  "ENOTFOUND",
  "EAI_AGAIN",
]);

interface ServiceError {
  readonly name?: string;
  readonly code?: string;
  readonly message?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** What a failed call to AWS means for us: throttling, 5xx and broken connections may be tried again; denied and wrong may not. */
export function namedError(error: unknown, call: string): CytolensError {
  if (error instanceof CytolensError) return error;
  const { name = "Error", code, message = String(error), $metadata } = (error ?? {}) as ServiceError;
  const status = $metadata?.httpStatusCode ?? 0;
  const says = `Expected ${call} to be answered but received ${name}: ${message}`;
  if (transientNames.has(name) || status >= 500 || status === 429 || (code !== undefined && networkCodes.has(code))) {
    return new TransientError("aws.unavailable", says, { cause: error });
  }
  if (deniedNames.has(name) || status === 403 || status === 401)
    return new EnvironmentError("aws.denied", says, { cause: error });
  return new EnvironmentError("aws.refused", says, { cause: error });
}

/** Makes the call; its failure is one of the named errors. */
export async function answered<T>(call: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw namedError(error, call);
  }
}
