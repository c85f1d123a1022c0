import { z } from "zod";
import { methodNames, methodSettings } from "./methods";
import { objectKey, runId, schemaVersion, sha256, timestamp, workId } from "./names";
import { region } from "./region";
import { settings } from "./settings";

/** How far an explanation can be trusted: does it add up to the change of the output, and has the map settled? */
const completeness = z.strictObject({
  /** Σ map − (F(image) − F(baseline)), in units of the target output; null for methods without this property. */
  delta: z.number().nullable(),
  /** |delta| / |F(image) − F(baseline)|. */
  relative: z.number().nullable(),
  /** Relative L2 change of the map at the last refinement. */
  mapChange: z.number().nullable(),
  /** Forward-and-backward passes used. */
  passes: z.number().int().min(0),
  converged: z.boolean().nullable(),
});
/**
 * How far an explanation can be trusted. `delta`: Σ map − (F(image) − F(baseline)) in units of the target output; `relative`: its
 * share of that difference; `mapChange`: relative L2 change of the map at the last refinement; `passes`: evaluations forward and
 * backward; `converged`: whether both tolerances were met. Null where a method has no such property (the axiom of completeness:
 * Sundararajan, Taly and Yan 2017, section 3).
 *
 * @example
 * ```ts
 * import type { Completeness } from "cytolens";
 *
 * const isExact = ({ relative }: Completeness): boolean => relative !== null && relative < 0.01;
 * ```
 */
export type Completeness = z.infer<typeof completeness>;

const target = z.strictObject({
  classIndex: z.number().int().min(0),
  className: z.string(),
  of: z.enum(["logit", "probability"]),
});

const explanation = z.strictObject({
  method: z.enum(methodNames),
  parameters: methodSettings,
  target,
  heatmap: objectKey,
  overlay: objectKey,
  /** float32 .npy, [height, width] of the network's input (or of the whole image when it was tiled). */
  map: objectKey,
  mapSha256: sha256,
  completeness,
});
export type Explanation = z.infer<typeof explanation>;

/** result.json: the commit marker of one image, written after everything it names. */
export const result = z.strictObject({
  schemaVersion,
  work: workId,
  /** The run that made it: to any other run the work was already done. */
  run: runId,
  createdAt: timestamp,
  image: z.strictObject({
    key: objectKey,
    etag: z.string(),
    sha256,
    width: z.number().int().min(1),
    height: z.number().int().min(1),
    format: z.string(),
    region: region.optional(),
    label: z.string().optional(),
  }),
  /** The part of the image the network saw, in pixels of the image. */
  seen: region,
  model: z.strictObject({ name: z.string(), sha256 }),
  engineVersion: z.string(),
  settings,
  provider: z.string(),
  prediction: z.strictObject({
    classIndex: z.number().int().min(0),
    className: z.string(),
    probability: z.number().min(0).max(1),
    logits: z.array(z.number()),
    probabilities: z.array(z.number()),
    /** Multi-label models: every class whose probability reaches its threshold. */
    present: z.array(z.string()).optional(),
  }),
  explanations: z.array(explanation),
  thumbnail: objectKey,
  figure: objectKey.optional(),
  /** Milliseconds of each stage, and in `total` from reading the image to having its files. */
  timings: z.record(z.string(), z.number().min(0)),
  attempts: z.number().int().min(1),
  warnings: z.array(z.string()),
});
export type Result = z.infer<typeof result>;
