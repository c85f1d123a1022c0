import { Aws, Duration, RemovalPolicy, Size, Stack } from "aws-cdk-lib";
import * as batch from "aws-cdk-lib/aws-batch";
import * as ecs from "aws-cdk-lib/aws-ecs";
import * as iam from "aws-cdk-lib/aws-iam";
import * as logs from "aws-cdk-lib/aws-logs";
import type * as s3 from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";
import { incomingPrefix, modelsPrefix, resultsPrefix, runsPrefix } from "../contract/object-keys";
import { workerExitCodes } from "../contract/worker-exit-codes";
import { allowObjects } from "./bucket-access";
import type { Configuration } from "./configuration";

/** The user in the image: no name, no home, no rights. */
export const workerUser = "10001:10001";
export const workerTemporaryMiB = 1024;
/** A folder of the machine's disk, which the image has made for the user; it goes with the job. */
const scratchFolder = "/scratch";
/** Of a job's memory, what the worker plans with; the rest is for the runtime, and for /tmp, which is memory too. */
const usableMemory = 0.75;

interface HardenedJobProps {
  readonly name: string;
  readonly bucket: s3.IBucket;
  readonly image: ecs.ContainerImage;
  readonly role: iam.Role;
  readonly command: string[];
  readonly timeout: Duration;
  readonly provider: "cpu" | "cuda";
  /** Of the job's memory, what may be written under /tmp. */
  readonly temporaryMiB: number;
  /** Whether it may write to the machine's disk as well. */
  readonly scratch?: boolean;
}

/** One job definition, hardened: read-only root, no root user, no privilege, only memory to write to. */
export class HardenedJob extends Construct {
  readonly definition: batch.EcsJobDefinition;
  /** Every revision: a run goes on with the one it was planned with. */
  readonly allRevisions: string;

  constructor(
    scope: Construct,
    id: string,
    { compute, retention }: Configuration,
    { name, bucket, image, role, command, timeout, provider, temporaryMiB, scratch = false }: HardenedJobProps,
  ) {
    super(scope, id);
    const logGroup = new logs.LogGroup(this, "Logs", {
      retention: retention.logDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const container = new batch.EcsEc2ContainerDefinition(this, "Container", {
      image,
      cpu: compute.jobVcpus,
      memory: Size.mebibytes(compute.jobMemoryMiB),
      ...(provider === "cuda" ? { gpu: 1 } : {}),
      ...(scratch ? { volumes: [batch.EcsVolume.host({ name: "scratch", containerPath: scratchFolder })] } : {}),
      command,
      environment: {
        // Neither AWS Batch nor ECS on EC2 tells a container its region, and the SDK for JavaScript asks no one else.
        AWS_REGION: Aws.REGION,
        CYTOLENS_BUCKET: bucket.bucketName,
        CYTOLENS_PROVIDER: provider,
        ...(scratch ? { CYTOLENS_SCRATCH: scratchFolder } : {}),
        // onnxruntime cannot see a container's share of the CPUs.
        CYTOLENS_THREADS: String(compute.jobVcpus),
        CYTOLENS_MEMORY_MB: String(Math.floor(compute.jobMemoryMiB * usableMemory)),
        ORT_DISABLE_TELEMETRY: "1",
        HOME: "/tmp",
      },
      jobRole: role,
      user: workerUser,
      privileged: false,
      readonlyRootFilesystem: true,
      linuxParameters: temporaryFolder(this, Size.mebibytes(temporaryMiB)),
      ulimits: [{ name: batch.UlimitName.CORE, softLimit: 0, hardLimit: 0 }],
      logging: ecs.LogDriver.awsLogs({ streamPrefix: "job", logGroup }),
    });
    const { RETRY, EXIT } = batch.Action;
    const jobDefinitionName = `${Stack.of(this).stackName}-${name}`;
    this.definition = new batch.EcsJobDefinition(this, "Definition", {
      // A job definition may be named: an update is a new revision, not a replacement.
      jobDefinitionName,
      container,
      propagateTags: true,
      timeout,
      retryAttempts: compute.attempts,
      // The first match decides, and no match would mean "retry": what is not the surroundings' fault ends here.
      retryStrategies: [
        batch.RetryStrategy.of(RETRY, batch.Reason.custom({ onStatusReason: "Host EC2*" })),
        batch.RetryStrategy.of(RETRY, batch.Reason.custom({ onReason: "CannotPull*" })),
        batch.RetryStrategy.of(RETRY, batch.Reason.custom({ onExitCode: String(workerExitCodes.killedForMemory) })),
        batch.RetryStrategy.of(EXIT, batch.Reason.custom({ onReason: "*" })),
      ],
      skipDeregisterOnUpdate: true,
    });
    this.allRevisions = `arn:${Aws.PARTITION}:batch:${Aws.REGION}:${Aws.ACCOUNT_ID}:job-definition/${jobDefinitionName}:*`;
  }
}

/** Classifies and explains one shard. Reads images and models, writes runs and results, deletes nothing. */
export function workerJob(
  scope: Construct,
  configuration: Configuration,
  bucket: s3.IBucket,
  image: ecs.ContainerImage,
): HardenedJob {
  const role = new iam.Role(scope, "WorkerRole", {
    assumedBy: ecsTasksOf(scope),
    description: "Cytolens workers: read incoming/ and models/, write runs/ and results/, no delete",
  });
  allowObjects(role, bucket, {
    read: [incomingPrefix, modelsPrefix, runsPrefix, resultsPrefix],
    write: [runsPrefix, resultsPrefix],
  });
  return new HardenedJob(scope, "Worker", configuration, {
    name: "worker",
    bucket,
    image,
    role,
    provider: configuration.compute.kind === "gpu" ? "cuda" : "cpu",
    temporaryMiB: workerTemporaryMiB,
    command: ["node", "dist/containers/worker/main.js"],
    timeout: Duration.minutes(configuration.compute.attemptTimeoutMinutes),
  });
}

/** Containers of this account and region only. */
export function ecsTasksOf(scope: Construct): iam.PrincipalBase {
  const { account, partition, region } = Stack.of(scope);
  return new iam.ServicePrincipal("ecs-tasks.amazonaws.com", {
    conditions: {
      StringEquals: { "aws:SourceAccount": account },
      ArnLike: { "aws:SourceArn": `arn:${partition}:ecs:${region}:${account}:*` },
    },
  });
}

/** Where a job may write: memory, from which nothing can be executed. */
function temporaryFolder(scope: Construct, size: Size): batch.LinuxParameters {
  const parameters = new batch.LinuxParameters(scope, "Linux", { initProcessEnabled: true });
  const { RW, NOEXEC, NOSUID, NODEV } = batch.TmpfsMountOption;
  parameters.addTmpfs({ containerPath: "/tmp", size, mountOptions: [RW, NOEXEC, NOSUID, NODEV] });
  return parameters;
}
