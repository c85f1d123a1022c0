import { z } from "zod";
import { headNames } from "./head";
import { schemaVersion, sha256 } from "./names";
import { imageNetNormalisation } from "./normalisation";

/** What a model is, how its input is made, what it was trained on and how far it can be trusted. */
export const modelCard = z.strictObject({
  schemaVersion,
  name: z
    .string()
    .min(1)
    .max(100)
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, "Expected letters, digits, dot, dash and underscore"),
  title: z.string().min(1),
  sha256,
  network: z.string().optional(),
  classes: z
    .array(z.string().min(1))
    .min(2)
    .refine((names) => new Set(names).size === names.length, { error: "Expected names that differ from each other" }),
  input: z.strictObject({
    /** The tensor's name in the graph; by default its only float input. */
    name: z.string().optional(),
    /** Height and width in pixels. */
    height: z.number().int().min(1),
    width: z.number().int().min(1),
    layout: z.enum(["NCHW", "NHWC"]).default("NCHW"),
    channels: z.enum(["RGB", "BGR", "grey"]).default("RGB"),
    /** Values are pixel × scale, then (value − mean) / std, a channel each. */
    scale: z.number().positive().default(imageNetNormalisation.scale),
    mean: z
      .array(z.number())
      .min(1)
      .max(3)
      .default([...imageNetNormalisation.mean]),
    std: z
      .array(z.number().positive())
      .min(1)
      .max(3)
      .default([...imageNetNormalisation.std]),
  }),
  /** The output that holds the logits (or probabilities); by default the only float output. */
  output: z.string().optional(),
  /** What turns the scores into probabilities; by default the graph and probe images tell. */
  head: z.enum(headNames).optional(),
  /** Multi-label models: from which probability on a class counts as present; one for all, or one each. Default: 0.5. */
  thresholds: z.array(z.number().min(0).max(1)).min(1).optional(),
  /** The tensor Grad-CAM weighs; by default the last spatial feature map. */
  featureLayer: z.string().optional(),
  /** Classes from the least to the most severe, where they have such an order. */
  severity: z.array(z.string().min(1)).min(1).optional(),
  /** Micrometres per pixel of the images that the network learned from. */
  mpp: z.number().positive().optional(),
  /** What nobody said and was taken to be so, in sentences: they stand beside every answer. */
  guesses: z.array(z.string()).optional(),
  /** The file that this model was made from, where its bytes are not that file's. */
  source: z.strictObject({ file: z.string(), sha256 }).optional(),
  data: z.strictObject({
    description: z.string(),
    digest: z.string().optional(),
    split: z.string().optional(),
    /** The rule by which images belong together, none of them on both sides of the split, and how many groups there are. */
    groups: z.strictObject({ by: z.string(), count: z.number().int().min(2) }).optional(),
    /** Of the images that the model was judged by, how many the training images know. */
    leakage: z
      .strictObject({
        checked: z.number().int().min(0),
        /** Near-duplicates of training images. */
        duplicates: z.number().int().min(0),
        /** Crops that show part of what a training image shows. */
        overlaps: z.number().int().min(0),
        /** Of slides that were trained with, by the pattern in their names. */
        sameSlide: z.number().int().min(0).optional(),
        slidePattern: z.string().optional(),
        /** Pairs of names, with the share of the picture that both show. */
        examples: z.array(z.string()).default([]),
      })
      .optional(),
    licence: z.string().optional(),
  }),
  training: z
    .strictObject({ recipe: z.string(), seed: z.number().int().optional(), command: z.string().optional() })
    .optional(),
  /** Measured figures, for example { "accuracy": 0.97 }, with where they were measured in `evaluatedOn`. */
  metrics: z.record(z.string(), z.number()).default({}),
  evaluatedOn: z.string().optional(),
  limits: z.array(z.string()).default([]),
  intendedUse: z.string().default("Research only. Not for clinical use."),
});

export type ModelCard = z.infer<typeof modelCard>;
export type ModelCardInput = z.input<typeof modelCard>;

/** What models/names/<name>.json holds. */
export const modelPointer = z.strictObject({ schemaVersion, name: z.string().min(1), sha256 });
