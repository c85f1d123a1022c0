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
    readonly Command?: readonly string[];
    readonly Environment?: readonly { readonly Name: string; readonly Value: string }[];
    readonly JobRoleArn?: string;
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
    command: ContainerProperties.Command ?? [],
    environment: (ContainerProperties.Environment ?? []).map(({ Name, Value }): NamedValue => ({
      name: Name,
      value: Value,
    })),
    roleArn: ContainerProperties.JobRoleArn ?? "",
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
