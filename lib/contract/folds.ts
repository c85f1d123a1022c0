import { z } from "zod";

/** folds.json beside the models of a cross-validation, fold-0, fold-1, …: how the images were parted among them. */
export const foldsDocument = z.strictObject({
  schemaVersion: z.literal(1),
  folds: z.number().int().min(2),
  groups: z.string().optional(),
  foldColumn: z.string().optional(),
});
