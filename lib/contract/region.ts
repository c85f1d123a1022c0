import { z } from "zod";

/** A rectangle of an image, in its pixels from the top left. */
export const region = z.strictObject({
  left: z.number().int().min(0),
  top: z.number().int().min(0),
  width: z.number().int().min(1),
  height: z.number().int().min(1),
});
export type Region = Readonly<z.infer<typeof region>>;
