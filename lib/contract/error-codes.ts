import type { CodeMeaning, CodeTable } from "./error-codes/code-table";
import { environmentErrors } from "./error-codes/environment-errors";
import { imageErrors } from "./error-codes/image-errors";
import { gradientErrors, modelErrors } from "./error-codes/model-errors";
import { objectErrors, recordedErrors } from "./error-codes/recorded-errors";
import { trainingErrors } from "./error-codes/training-errors";
import { transientErrors } from "./error-codes/transient-errors";
import { userErrors } from "./error-codes/user-errors";

/**
 * Every code that this version gives. Documents of other versions may hold others: what is read is a string.
 * Import the type alone where code is bundled; the sentences are for docs/errors.md.
 *
 * @example
 * ```ts
 * import { type ErrorCode } from "cytolens";
 *
 * const code: ErrorCode = "image.truncated";
 * console.log(code); // image.truncated
 * ```
 */
export type ErrorCode =
  | keyof typeof userErrors
  | keyof typeof trainingErrors
  | keyof typeof imageErrors
  | keyof typeof modelErrors
  | keyof typeof gradientErrors
  | keyof typeof environmentErrors
  | keyof typeof transientErrors
  | keyof typeof objectErrors
  | keyof typeof recordedErrors;

export const errorCodes: Readonly<Record<ErrorCode, CodeMeaning>> = {
  ...userErrors,
  ...trainingErrors,
  ...imageErrors,
  ...modelErrors,
  ...gradientErrors,
  ...environmentErrors,
  ...transientErrors,
  ...objectErrors,
  ...recordedErrors,
};

/** Codes that mean the same for whoever meets them. */
export interface ErrorFamily {
  /** The classes that carry the codes, or "none". */
  readonly name: string;
  readonly fault: string;
  readonly triedAgain: string;
  /** What a command ends with. */
  readonly exitCode: string;
  readonly tables: readonly { readonly title: string; readonly codes: CodeTable }[];
}

export const errorFamilies: readonly ErrorFamily[] = [
  {
    name: "UserError",
    fault: "yours: arguments, settings, files. A batch with such settings is rejected as a whole",
    triedAgain: "no",
    exitCode: "2",
    tables: [
      { title: "Arguments, settings, configuration", codes: userErrors },
      { title: "Data and training", codes: trainingErrors },
    ],
  },
  {
    name: "ImageError",
    fault: "one image's: it is recorded as failed and the others go on",
    triedAgain: "no",
    exitCode: "1 from `explain`, else 3",
    tables: [{ title: "Images", codes: imageErrors }],
  },
  {
    name: "ModelError",
    fault: "the model's, or of what is asked of it",
    triedAgain: "no",
    exitCode: "2",
    tables: [
      { title: "Models", codes: modelErrors },
      { title: "Gradients", codes: gradientErrors },
    ],
  },
  {
    name: "EnvironmentError",
    fault: "the surroundings': permissions, disks, devices, damaged documents. It holds for every image of a shard",
    triedAgain: "no",
    exitCode: "3",
    tables: [{ title: "Surroundings", codes: environmentErrors }],
  },
  {
    name: "TransientError",
    fault: "nobody's: it may succeed later",
    triedAgain: "yes, a few times with growing pauses where the pipeline reads, writes and submits",
    exitCode: "3",
    tables: [{ title: "Passing troubles", codes: transientErrors }],
  },
  {
    name: "ObjectNotFoundError, PreconditionFailedError",
    fault: "whoever removed or changed an object; an image of a batch is then skipped, not failed",
    triedAgain: "no",
    exitCode: "3",
    tables: [{ title: "Objects", codes: objectErrors }],
  },
  {
    name: "none",
    fault: "told by the message",
    triedAgain: "`worker.killed` and `worker.unfinished` are recorded after further tries",
    exitCode: "3",
    tables: [{ title: "Recorded for an image", codes: recordedErrors }],
  },
];
