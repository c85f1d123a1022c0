import { z } from "zod";

export const methodNames = [
  "gradient",
  "input-x-gradient",
  "integrated-gradients",
  "grad-cam",
  "guided-backprop",
  "guided-grad-cam",
] as const;
export type MethodName = (typeof methodNames)[number];

/** Methods whose maps carry a sign; the others are non-negative. */
export const signedMethods: ReadonlySet<MethodName> = new Set<MethodName>([
  "gradient",
  "input-x-gradient",
  "integrated-gradients",
  "guided-backprop",
  "guided-grad-cam",
]);

export const baselineNames = ["black", "white", "mean", "random"] as const;

const simple = <Name extends MethodName>(name: Name) => z.strictObject({ name: z.literal(name) });
const layered = <Name extends MethodName>(name: Name) =>
  z.strictObject({
    name: z.literal(name),
    /** The tensor whose channels are weighed; by default the last spatial feature map. */
    layer: z.string().min(1).optional(),
  });

export const integratedGradientsSettings = z.strictObject({
  name: z.literal("integrated-gradients"),
  /** "adaptive": refined until both tolerances hold; a number: that many Gauss–Legendre points; "study": 50-step left Riemann, 10 random baselines, probability. */
  steps: z.union([z.enum(["adaptive", "study"]), z.number().int().min(1).max(1024)]).default("adaptive"),
  /** On a smear white is empty glass: what is there to see is what is darker. */
  baseline: z.enum(baselineNames).default("white"),
  seed: z.number().int().min(0).max(0xffffffff).default(0),
});

export const methodSettings = z.discriminatedUnion("name", [
  simple("gradient"),
  simple("input-x-gradient"),
  integratedGradientsSettings,
  layered("grad-cam"),
  simple("guided-backprop"),
  layered("guided-grad-cam"),
]);
export type MethodSettings = z.infer<typeof methodSettings>;

/** A method as people write it: its name alone, or an object with its parameters. */
export const methodChoice = z.preprocess(
  (value) => (typeof value === "string" ? { name: value } : value),
  methodSettings,
);
