import type { ExitRule, JobDefinition, NamedValue } from "./batch-job";

/** What CloudFormation hands over for a Batch resource. */
export interface ResourceRequest {
  readonly logicalId: string;
  readonly account: string;
  readonly region: string;
  readonly properties: unknown;
}

interface Properties {
  readonly JobDefinitionName?: string;
  readonly ContainerProperties: {
    readonly Image?: string;
    readonly ExecutionRoleArn?: string;
    readonly Command?: readonly string[];
    readonly Environment?: readonly { readonly Name: string; readonly Value: string }[];
    readonly JobRoleArn?: string;
    readonly MountPoints?: readonly { readonly ContainerPath: string }[];
  };
  readonly RetryStrategy?: {
    readonly Attempts?: number | string;
    readonly EvaluateOnExit?: readonly {
      readonly Action: string;
      readonly OnStatusReason?: string;
      readonly OnReason?: string;
      readonly OnExitCode?: string;
    }[];
  };
  /** CDK may write an empty object here. */
  readonly Timeout?: { readonly AttemptDurationSeconds?: number | string };
}

/** A new revision of a job definition from its CloudFormation properties. */
export function jobDefinitionFrom(
  { logicalId, account, region, properties }: ResourceRequest,
  known: ReadonlyMap<string, unknown>,
): JobDefinition {
  const { JobDefinitionName = logicalId, ContainerProperties, RetryStrategy, Timeout } = properties as Properties;
  const prefix = `arn:aws:batch:${region}:${account}:job-definition/${JobDefinitionName}:`;
  const revision = [...known.keys()].filter((arn) => arn.startsWith(prefix)).length + 1;
  const seconds = Number(Timeout?.AttemptDurationSeconds);
  return {
    arn: `${prefix}${revision}`,
    image: ContainerProperties.Image ?? "",
    executionRoleArn: ContainerProperties.ExecutionRoleArn,
    command: ContainerProperties.Command ?? [],
    environment: (ContainerProperties.Environment ?? []).map(({ Name, Value }): NamedValue => ({
      name: Name,
      value: Value,
    })),
    roleArn: ContainerProperties.JobRoleArn ?? "",
    mounted: (ContainerProperties.MountPoints ?? []).map(({ ContainerPath }) => ContainerPath),
    attempts: Number(RetryStrategy?.Attempts ?? 1),
    exitRules: (RetryStrategy?.EvaluateOnExit ?? []).map(
      ({ Action, OnStatusReason, OnReason, OnExitCode }): ExitRule => ({
        action: Action,
        ...(OnStatusReason === undefined ? {} : { onStatusReason: OnStatusReason }),
        ...(OnReason === undefined ? {} : { onReason: OnReason }),
        ...(OnExitCode === undefined ? {} : { onExitCode: OnExitCode }),
      }),
    ),
    timeoutSeconds: Number.isFinite(seconds) && seconds > 0 ? seconds : undefined,
  };
}

export interface QueueDefinition {
  readonly arn: string;
  /** Reasons for which Batch cancels what has been RUNNABLE for too long; for no other does it ever. */
  readonly cancelledFor: ReadonlySet<string>;
}

/** https://docs.aws.amazon.com/batch/latest/userguide/job_stuck_in_runnable_time_limit_actions.html */
const knownReasons: ReadonlySet<string> = new Set([
  "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY",
  "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE",
  "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
  "MISCONFIGURATION:EC2_INSTANCE_CONFIGURATION_UNSUPPORTED",
]);

/** @throws Error for a reason for which Batch takes no action */
export function jobQueueFrom({ logicalId, account, region, properties }: ResourceRequest): QueueDefinition {
  const { JobStateTimeLimitActions = [] } = properties as {
    readonly JobStateTimeLimitActions?: readonly { readonly Reason: string }[];
  };
  const reasons = JobStateTimeLimitActions.map(({ Reason }) => Reason);
  const unknown = reasons.find((reason) => !knownReasons.has(reason));
  if (unknown !== undefined) throw new Error(`Error executing request, Exception : ${unknown} is not a valid reason`);
  return { arn: `arn:aws:batch:${region}:${account}:job-queue/${logicalId}`, cancelledFor: new Set(reasons) };
}

/** Of the types anyone here would name, those a region lacks (EC2's price list of November 2026). */
const lacking: Readonly<Record<string, RegExp>> = {
  "eu-west-1": /^(g6|g6e|g6f|gr6)\./,
  "ap-southeast-1": /^(g6|g6e|g6f|gr6|g5)\./,
  "us-west-1": /^(g6|g6e|g6f|gr6|g5)\./,
  "eu-central-2": /^(g5|g4dn|c6i)\./,
  "cn-north-1": /^(g6|c7i|m7i)\./,
};

/** @throws Error where the region lacks one of the types: Batch then refuses the whole list */
export function computeEnvironmentFrom({ logicalId, account, region, properties }: ResourceRequest): string {
  const { ComputeResources } = properties as { readonly ComputeResources?: { readonly InstanceTypes?: string[] } };
  const missing = (ComputeResources?.InstanceTypes ?? []).filter((type) => lacking[region]?.test(type));
  if (missing.length > 0)
    throw new Error(
      `Error executing request, Exception : Instance type can only be one of [...], but received ${missing.join(", ")}`,
    );
  return `arn:aws:batch:${region}:${account}:compute-environment/${logicalId}`;
}
