import { z } from "zod";
import { EnvironmentError } from "./errors";

/** What the stack tells the handlers of its Lambda functions. */
const handlerEnvironment = z.strictObject({
  bucket: z.string().min(1),
  hintsQueueUrl: z.url(),
  /** ARNs of job queues, job definition and topic. */
  spotQueue: z.string().min(1),
  onDemandQueue: z.string().min(1),
  jobDefinition: z.string().min(1),
  topic: z.string().min(1),
  stack: z.string().min(1),
  /** How long a batch must be still before it is planned. */
  idleSeconds: z.coerce.number().int().min(1),
  provider: z.enum(["cpu", "cuda"]),
  /** Of one instance, where the cost of a run is to be estimated. */
  usdPerHour: z.coerce.number().positive().optional(),
});
export type HandlerEnvironment = Readonly<z.infer<typeof handlerEnvironment>>;

/** Each fact's variable. */
export const handlerVariables = {
  bucket: "CYTOLENS_BUCKET",
  hintsQueueUrl: "CYTOLENS_HINTS_QUEUE_URL",
  spotQueue: "CYTOLENS_SPOT_QUEUE",
  onDemandQueue: "CYTOLENS_ON_DEMAND_QUEUE",
  jobDefinition: "CYTOLENS_JOB_DEFINITION",
  topic: "CYTOLENS_TOPIC",
  stack: "CYTOLENS_STACK",
  idleSeconds: "CYTOLENS_IDLE_SECONDS",
  provider: "CYTOLENS_PROVIDER",
  usdPerHour: "CYTOLENS_USD_PER_HOUR",
} as const satisfies Record<keyof HandlerEnvironment, `CYTOLENS_${string}`>;

const facts = Object.keys(handlerVariables) as (keyof HandlerEnvironment)[];

/** The variables as the stack writes them; what is undefined has none. */
export function handlerVariablesOf(environment: HandlerEnvironment): Record<string, string> {
  return Object.fromEntries(
    facts.flatMap((fact) => {
      const value = environment[fact];
      return value === undefined ? [] : [[handlerVariables[fact], String(value)]];
    }),
  );
}

/** Reads a handler's variables. Throws an EnvironmentError that names those that are missing or wrong. */
export function handlerEnvironmentFrom(variables: Readonly<Record<string, string | undefined>>): HandlerEnvironment {
  const parsed = handlerEnvironment.safeParse(
    Object.fromEntries(facts.map((fact) => [fact, variables[handlerVariables[fact]]])),
  );
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => {
    const fact = facts.find((one) => one === path[0]);
    return `${fact === undefined ? path.join(".") : handlerVariables[fact]}: ${message}`;
  });
  throw new EnvironmentError("aws.handler-environment", `Expected the stack's variables but ${problems.join("; ")}`);
}
