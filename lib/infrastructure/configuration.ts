import { existsSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { UserError } from "../contract/errors";
import { readJson } from "../contract/read-json";

/** Everything a lab may choose about its deployment: the object under "cytolens" in cdk.json's context. */

const instanceType = z.string().regex(/^[a-z][a-z0-9-]*\.[a-z0-9-]+$/, "Expected an instance type such as g5.xlarge");
const days = z.number().int().min(1).max(3650);
const email = z.email("Expected an e-mail address");
const subnetId = z.string().regex(/^subnet-[0-9a-f]{8,17}$/, "Expected a subnet id such as subnet-0a1b2c3d");

/** Zones a network of ours spans; by default three, or what the region shows an account. */
const zones = z.number().int().min(2).max(6).optional();

const network = z.discriminatedUnion(
  "kind",
  [
    /** Public subnets, no ingress at all: costs nothing while idle. */
    z.strictObject({ kind: z.literal("public"), zones }),
    /** Private subnets behind one NAT gateway, which costs by the hour. */
    z.strictObject({ kind: z.literal("nat"), zones }),
    /** No way to the internet: interface endpoints, which cost by the hour. */
    z.strictObject({ kind: z.literal("isolated"), zones }),
    /** A network the lab already has, with its own way to S3, ECR, ECS and CloudWatch Logs. */
    z
      .strictObject({
        kind: z.literal("existing"),
        vpcId: z.string().regex(/^vpc-[0-9a-f]{8,17}$/, "Expected a VPC id such as vpc-0a1b2c3d"),
        subnetIds: z.array(subnetId).min(1),
        availabilityZones: z.array(z.string().min(1)).min(1),
      })
      .refine(({ subnetIds, availabilityZones }) => subnetIds.length === availabilityZones.length, {
        path: ["availabilityZones"],
        error: "Expected one availability zone for each subnet, in the same order",
      }),
  ],
  { error: "Expected a network whose kind is public, nat, isolated or existing" },
);

const compute = z
  .strictObject({
    kind: z.enum(["gpu", "cpu"]).default("gpu"),
    /** Tried in any order that has room; by default what the region offers of current ones with one GPU, or without. */
    instanceTypes: z.array(instanceType).min(1).max(20).optional(),
    /** The ceiling of each compute environment, and so of what an hour can cost. */
    maxVcpus: z.number().int().min(1).max(10_000).default(64),
    spot: z.boolean().default(true),
    jobVcpus: z.number().int().min(1).max(192).default(4),
    jobMemoryMiB: z.number().int().min(2048).max(768_000).optional(),
    attempts: z.number().int().min(1).max(10).default(5),
    /** For one attempt of one shard; Batch ends it after that. */
    attemptTimeoutMinutes: z.number().int().min(1).max(1440).default(60),
    /** A job that finds no instance for so long is cancelled, with the reason in the summary. */
    capacityWaitMinutes: z.number().int().min(10).max(1440).default(120),
    /** What the lab pays for an instance; only the dashboard's estimate of cost needs it. */
    usdPerInstanceHour: z.number().positive().optional(),
    diskGiB: z.number().int().min(30).max(1000).default(80),
  })
  .transform((chosen) => ({
    ...chosen,
    /** Leaves the instance's own agents room on the smallest default type of the kind (16 GiB, 8 GiB). */
    jobMemoryMiB: chosen.jobMemoryMiB ?? (chosen.kind === "gpu" ? 13_000 : 6_000),
  }))
  .superRefine(({ jobVcpus, maxVcpus }, context) => {
    if (jobVcpus > maxVcpus)
      context.addIssue({ code: "custom", path: ["jobVcpus"], message: `Expected at most maxVcpus (${maxVcpus})` });
  });

const retention = z.strictObject({
  /** Null: kept until a person deletes them. */
  incomingDays: days.nullable().default(null),
  resultsDays: days.nullable().default(null),
  /** Plans, shards and outcomes. Less than 30 days would take them from under a run that is being redriven. */
  runsDays: days.min(30).nullable().default(365),
  /** Versions that were overwritten or deleted. */
  oldVersionsDays: days.default(30),
  logDays: z
    .union(
      [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653].map(
        (count) => z.literal(count),
      ),
      {
        error: "Expected a retention CloudWatch Logs knows: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365 … 3653",
      },
    )
    .default(30),
});

export const configuration = z.strictObject({
  stackName: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9-]{0,39}$/, "Expected up to 40 letters, digits and dashes, a letter first")
    .default("Cytolens"),
  compute: compute.prefault({}),
  network: network.default({ kind: "public" }),
  /** A batch is planned when nothing was uploaded for so long and there is no _READY. */
  idleWindowSeconds: z.number().int().min(10).max(86_400).default(300),
  reconcileMinutes: z.number().int().min(1).max(1440).default(15),
  retention: retention.prefault({}),
  notificationEmail: email.optional(),
  encryptionKeyArn: z
    .string()
    .regex(/^arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key\/.+$/, "Expected the ARN of a KMS key")
    .optional(),
  /** A worker image that is ready in a registry; without it, one is built from containers/worker at deploy. */
  imageUri: z
    .string()
    .regex(
      /^[\w.-]+(:\d+)?\/[\w./-]+(:[\w.-]+)?(@sha256:[0-9a-f]{64})?$/,
      "Expected an image such as 123456789012.dkr.ecr.eu-west-1.amazonaws.com/cytolens@sha256:…",
    )
    .optional(),
  /** The model folder (model.onnx, card.json) that a fresh deploy already holds; by default the one that is shipped. */
  defaultModel: z.string().min(1).optional(),
  training: z.boolean().default(true),
  budget: z.strictObject({ monthlyUsd: z.number().positive(), email }).optional(),
});

export type Configuration = z.infer<typeof configuration>;

/** Reads the configuration. Throws a UserError naming each field, what was expected and what came instead. */
export function readConfiguration(context: unknown): Configuration {
  const value = typeof context === "string" ? fromCommandLine(context) : (context ?? {});
  const parsed = configuration.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `  ${describe(issue, value)}`);
  throw new UserError(
    "configuration.invalid",
    `Cannot use the "cytolens" configuration in cdk.json:\n${problems.join("\n")}`,
  );
}

/** `cdk -c cytolens='{…}'` hands over text. */
function fromCommandLine(text: string): unknown {
  const read = readJson(text);
  if ("value" in read) return read.value;
  throw new UserError(
    "configuration.not-json",
    `cytolens: Expected an object, or JSON after -c cytolens=, but received ${JSON.stringify(text.slice(0, 120))}`,
  );
}

function describe(issue: z.core.$ZodIssue, root: unknown): string {
  const unknownKeys = issue.code === "unrecognized_keys" ? issue.keys : undefined;
  const field = ["cytolens", ...issue.path].join(".");
  const came = issue.path.reduce<unknown>(
    (inner, part) => (inner as Record<PropertyKey, unknown> | undefined)?.[part],
    root,
  );
  if (unknownKeys)
    return `${field}: Expected only known fields but received ${unknownKeys.map((key) => JSON.stringify(key)).join(", ")}`;
  return `${field}: ${issue.message.replace(/, received .*$/, "").replace(/^Invalid (input|option): e/, "E")} but received ${came === undefined ? "nothing" : JSON.stringify(came)}`;
}

/** Trained on phantoms by this project's own trainer. */
const shippedModel = "models/phantom-densenet121-rca";

/** The folder of the default model; undefined when none is asked for and none is shipped. Throws a UserError when what is asked for is not one. */
export function defaultModelFolder(projectRoot: string, { defaultModel }: Configuration): string | undefined {
  const folder = path.resolve(projectRoot, defaultModel ?? shippedModel);
  const missing = ["model.onnx", "card.json"].find((file) => !existsSync(path.join(folder, file)));
  if (missing === undefined) return folder;
  if (defaultModel === undefined) return undefined;
  throw new UserError(
    "configuration.model-missing",
    `cytolens.defaultModel: Expected a folder with model.onnx and card.json but received ${JSON.stringify(defaultModel)}, which has no ${missing}`,
  );
}
