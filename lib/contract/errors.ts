import type { ErrorCode } from "./error-codes";

/** What went wrong, and whose it is to mend: every error that crosses a boundary is one of these. */
export abstract class CytolensError extends Error {
  /** Stable, machine-readable reason, for example "image.truncated"; docs/errors.md lists them. */
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** The user's to mend: arguments, settings, files that are not there. Never retried. */
export class UserError extends CytolensError {}

/** One image cannot be used; recorded as that image's failure, the batch goes on. */
export class ImageError extends CytolensError {}

/** The model cannot be used as asked: not ONNX, an operator without gradient, a digest that differs. */
export class ModelError extends CytolensError {}

/** The surroundings are at fault: a missing CUDA device, a full disk, a denied permission. Not retried. */
export class EnvironmentError extends CytolensError {}

/** May succeed when tried again: throttling, resets, time-outs. */
export class TransientError extends CytolensError {}
