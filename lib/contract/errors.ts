import type { ErrorCode } from "./error-codes";

/**
 * What went wrong, and whose it is to mend: every error that crosses a boundary is one of these. Its `code` is stable, its
 * message says what was expected and what came instead.
 *
 * @example
 * ```ts
 * import { CytolensError, loadModel } from "cytolens";
 *
 * await loadModel("cell.png").catch((error: unknown) => {
 *   if (!(error instanceof CytolensError)) throw error;
 *   console.log(error.code); // model.not-onnx
 * });
 * ```
 */
export abstract class CytolensError extends Error {
  /** Stable, machine-readable reason, for example "image.truncated"; docs/errors.md lists them. */
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/**
 * The user's to mend: arguments, settings, files that are not there. Never retried.
 *
 * @example
 * ```ts
 * import { loadModel, UserError } from "cytolens";
 *
 * await loadModel("nowhere.onnx").catch((error: unknown) => console.log(error instanceof UserError)); // true
 * ```
 */
export class UserError extends CytolensError {}

/**
 * One image cannot be used; recorded as that image's failure, the batch goes on.
 *
 * @example
 * ```ts
 * import { imageFor, ImageError, loadModel } from "cytolens";
 *
 * const model = await loadModel("model.onnx");
 * await imageFor(model, new Uint8Array(100)).catch((error: unknown) => console.log(error instanceof ImageError)); // true
 * await model.close();
 * ```
 */
export class ImageError extends CytolensError {}

/**
 * The model cannot be used as asked: not ONNX, an operator without gradient, a digest that differs.
 *
 * @example
 * ```ts
 * import { loadModel, ModelError } from "cytolens";
 *
 * await loadModel("cell.png").catch((error: unknown) => console.log(error instanceof ModelError)); // true
 * ```
 */
export class ModelError extends CytolensError {}

/**
 * The surroundings are at fault: a missing CUDA device, a full disk, a denied permission. Not retried.
 *
 * @example
 * ```ts
 * import { EnvironmentError } from "cytolens";
 *
 * const isOfThisMachine = (error: unknown): boolean => error instanceof EnvironmentError;
 * ```
 */
export class EnvironmentError extends CytolensError {}

/**
 * May succeed when tried again: throttling, resets, time-outs.
 *
 * @example
 * ```ts
 * import { TransientError } from "cytolens";
 *
 * const isWorthAnotherTry = (error: unknown): boolean => error instanceof TransientError;
 * ```
 */
export class TransientError extends CytolensError {}
