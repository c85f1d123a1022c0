import { z } from "zod";
import { describeIssue } from "./describe-issue";
import { UserError } from "./errors";
import { methodChoice } from "./methods";
import { readJson } from "./read-json";

const smallestTile = 32;

/**
 * What becomes of an embedded colour profile: "profile" converts the colours to sRGB, so that pictures of different
 * scanners and cameras agree; "as-stored" takes the numbers as they are, as Pillow and OpenCV do.
 */
const colour = z.enum(["profile", "as-stored"]);
export type Colour = z.infer<typeof colour>;

/** What a batch may choose; batch.json holds any part of it. Frozen into the plan. */
export const settings = z.strictObject({
  schemaVersion: z.literal(1).default(1),
  /** A published model's name, or sha256:<digest>. */
  model: z.string().min(1).max(200).default("default"),
  methods: z
    .array(methodChoice)
    .min(1)
    .max(6)
    .refine((list) => new Set(list.map(({ name }) => name)).size === list.length, {
      error: "Expected each method once",
    })
    .default([{ name: "integrated-gradients", steps: "adaptive", baseline: "white", seed: 0 }, { name: "grad-cam" }]),
  /** The class that is explained: what the network predicts, or one class for every image (name or index). */
  target: z
    .union([z.literal("predicted"), z.strictObject({ class: z.union([z.string().min(1), z.number().int().min(0)]) })])
    .default("predicted"),
  /** Whether the logit or the softmax probability of the target is explained. */
  of: z.enum(["logit", "probability"]).default("logit"),
  /** "folders": the folder an image lies in, under the batch, is its true class; the report then compares. */
  labels: z.enum(["none", "folders"]).default("none"),
  /** Otsu: the study's mask, background set to black before the network sees it. */
  mask: z.enum(["none", "otsu"]).default("none"),
  /**
   * Embedded colour profiles: converted to sRGB, or left alone (for models trained on pixels as they are stored). Default: "profile";
   * left absent where it is not set, so that the settings of older batches name the same work.
   */
  colour: colour.optional(),
  /** Pixels a side: larger images are classified and explained tile by tile and put together again; null: always whole. */
  tileSize: z.number().int().min(smallestTile).max(8192).nullable().default(null),
  /** Adds the study's 2 × 3 figure for every image. */
  figure: z.boolean().default(false),
});

export type Settings = z.infer<typeof settings>;
export const defaultSettings: Settings = settings.parse({});

/** Reads batch.json. Throws a UserError that names each field, what was expected and what came instead. */
export function parseSettings(text: Uint8Array | string, source = "batch.json"): Settings {
  const read = readJson(text);
  if ("problem" in read)
    throw new UserError("settings.not-json", `Expected JSON in ${source} but received ${read.problem}`);
  const { value } = read;
  const parsed = settings.safeParse(value, { reportInput: true });
  if (parsed.success) return parsed.data;
  throw new UserError(
    "settings.invalid",
    `Cannot use ${source}:\n${parsed.error.issues.map((issue) => `  ${describeIssue(issue, value)}`).join("\n")}`,
  );
}
