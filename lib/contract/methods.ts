import { z } from "zod";
import { unknownName } from "./closest-names";
import { describeIssue } from "./describe-issue";
import { UserError } from "./errors";

/**
 * The methods of explanation, by name; the papers are at each method's function.
 *
 * @example
 * ```ts
 * import { methodNames } from "cytolens";
 *
 * console.log(methodNames.includes("grad-cam"));
 * ```
 */
export const methodNames = [
  "gradient",
  "input-x-gradient",
  "integrated-gradients",
  "grad-cam",
  "guided-backprop",
  "guided-grad-cam",
] as const;
/**
 * One of `methodNames`.
 *
 * @example
 * ```ts
 * import type { MethodName } from "cytolens";
 *
 * const method: MethodName = "guided-grad-cam";
 * ```
 */
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

const integratedGradientsSettings = z.strictObject({
  name: z.literal("integrated-gradients"),
  /** "adaptive": refined until both tolerances hold; a number: that many Gauss–Legendre points; "study": 50-step left Riemann, 10 random baselines, probability. */
  steps: z.union([z.enum(["adaptive", "study"]), z.number().int().min(1).max(1024)]).default("adaptive"),
  /** On a smear white is empty glass: what is there to see is what is darker. */
  baseline: z.enum(baselineNames).default("white"),
  seed: z.number().int().min(0).max(0xffffffff).default(0),
});

export const methodSettings = z.discriminatedUnion(
  "name",
  [
    simple("gradient"),
    simple("input-x-gradient"),
    integratedGradientsSettings,
    layered("grad-cam"),
    simple("guided-backprop"),
    layered("guided-grad-cam"),
  ],
  { error: ({ code, input }) => (code === "invalid_union" ? unknownMethod(input) : undefined) },
);

function unknownMethod(input: unknown): string {
  const { name } = (input ?? {}) as { readonly name?: unknown };
  return typeof name === "string"
    ? unknownName("method", name, methodNames)
    : `Expected one of ${methodNames.join(", ")}`;
}

/**
 * A method with its parameters; what has a default may be left out. Grad-CAM and Guided Grad-CAM take a `layer` (default: the
 * last spatial feature map); integrated gradients take `steps` ("adaptive", the default; "study"; or a number of Gauss–Legendre
 * points from 1 to 1024), a `baseline` ("white" by default) and the `seed` of random baselines (0 by default).
 *
 * @example
 * ```ts
 * import type { MethodSettings } from "cytolens";
 *
 * const methods: MethodSettings[] = [{ name: "gradient" }, { name: "integrated-gradients", baseline: "black" }];
 * ```
 */
export type MethodSettings = z.input<typeof methodSettings>;
/** A method with every parameter, as plans and results record it. */
export type CompleteMethod = z.output<typeof methodSettings>;
/**
 * A method as people write it: its name alone, or an object with its parameters.
 *
 * @example
 * ```ts
 * import type { MethodChoice } from "cytolens";
 *
 * const methods: MethodChoice[] = ["gradient", { name: "grad-cam", layer: "features.norm5" }];
 * ```
 */
export type MethodChoice = MethodName | MethodSettings;

/** A method as people write it: its name alone, or an object with its parameters. */
export const methodChoice = z.preprocess(
  (value) => (typeof value === "string" ? { name: value } : value),
  methodSettings,
);

/** A method with its defaults filled in. Throws a UserError that names each parameter that cannot be used. */
export function completeMethod(choice: MethodChoice): CompleteMethod {
  const parsed = methodChoice.safeParse(choice);
  if (parsed.success) return parsed.data;
  const given = typeof choice === "string" ? { name: choice } : choice;
  throw new UserError(
    "settings.invalid",
    `Cannot use the method: ${parsed.error.issues.map((issue) => describeIssue(issue, given)).join("; ")}`,
  );
}
