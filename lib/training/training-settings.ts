import { z } from "zod";
import { UserError } from "../contract/errors";
import { optimizerNames } from "./choose-optimizer";
import { scheduleNames } from "./schedule";

/** How a network is trained. Everything that changes the result is here, so that a digest of it names the run. */
export const trainingSettings = z.strictObject({
  size: z.number().int().min(16).max(2048).default(224),
  epochs: z.number().int().min(1).max(10_000).default(50),
  batch: z.number().int().min(2).max(4096).default(16),
  rate: z.number().positive().max(100).default(1e-3),
  /** Of the head; the body's unless told. */
  headRate: z.number().positive().max(100).optional(),
  optimizer: z.enum(optimizerNames).default("adam"),
  momentum: z.number().min(0).max(1).default(0.9),
  weightDecay: z.number().min(0).max(1).default(0),
  schedule: z.enum(scheduleNames).default("cosine"),
  warmupEpochs: z.number().min(0).default(0),
  labelSmoothing: z.number().min(0).max(0.99).default(0),
  /** "balanced" weighs each class by the inverse of its share. */
  classWeights: z.enum(["none", "balanced"]).default("none"),
  /** "balanced" draws every class as often; the prior is put back into the head's bias. */
  sampling: z.enum(["balanced"]).optional(),
  /** At most so many images of a class in an epoch, others in each; the prior is put back. */
  maxPerClass: z.number().int().min(1).optional(),
  /** α of the Beta distribution that images of a batch are mixed by (mixup). */
  mixup: z.number().positive().max(1).optional(),
  /** "last" keeps the last epoch's weights, so that the validation images choose nothing. */
  keep: z.enum(["last"]).optional(),
  augmentation: z
    .strictObject({
      rotation: z.number().min(0).max(180).default(25),
      flips: z.boolean().default(false),
      stainJitter: z.number().min(0).max(1).default(0),
      zoom: z.number().min(0).max(0.5).default(0),
      fill: z.number().int().min(0).max(255).default(255),
    })
    .prefault({}),
  /** Ratio of features dropped before the head; by default the network's own. */
  dropout: z.number().min(0).max(0.95).optional(),
  /** Largest ratio of residual branches left out, at the deepest; for networks that have such branches. */
  dropPath: z.number().min(0).max(0.9).optional(),
  /** Keeps an exponential average of the weights and validates that; 0 keeps the weights themselves. */
  averaging: z.number().min(0).max(0.99999).default(0),
  freeze: z.array(z.string().min(1)).default([]),
  /** Epochs without a better validation accuracy after which to stop; 0 never stops early. */
  patience: z.number().int().min(0).default(0),
  seed: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(1),
});

export type TrainingSettings = z.infer<typeof trainingSettings>;

/** @throws UserError "training.settings", which names every setting out of its range */
export function parseTrainingSettings(settings: z.input<typeof trainingSettings>): TrainingSettings {
  const parsed = trainingSettings.safeParse(settings);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues
    .map(({ path, message }) => `${path.join(".") || "settings"}: ${message}`)
    .join("; ");
  throw new UserError("training.settings", `Expected usable training settings but received: ${problems}`);
}
