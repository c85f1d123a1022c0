import { Duration } from "aws-cdk-lib";
import * as batch from "aws-cdk-lib/aws-batch";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import { Construct } from "constructs";
import type { Configuration } from "./configuration";
import { instanceTypesFor } from "./instance-offerings";
import { instanceUserData } from "./instance-user-data";
import type { Network } from "./private-network";

/**
 * Where shards run: a queue on Spot, and one on demand for what Spot did not finish. Nothing runs while both are empty.
 * Neither environments nor queues are named: a named one cannot be replaced.
 */
export class Compute extends Construct {
  /** The same queue as `onDemand` where Spot is not wanted. */
  readonly spot: batch.JobQueue;
  readonly onDemand: batch.JobQueue;
  /** For trainings, which compute on CPUs: machines without a GPU. The same queue as `spot` where those have none either. */
  readonly training: batch.JobQueue;

  constructor(
    scope: Construct,
    id: string,
    configuration: Configuration,
    network: Network,
    /** Where it is deployed, as far as that is known at synth. */
    region?: string,
  ) {
    super(scope, id);
    const instanceTypes = instanceTypesFor(configuration.compute, region);
    const launchTemplate = hardenedInstances(this, configuration);
    this.onDemand = jobQueue(
      this,
      "OnDemand",
      configuration,
      computeEnvironment(this, "OnDemandInstances", configuration, network, { launchTemplate, instanceTypes }, false),
    );
    this.spot = configuration.compute.spot
      ? jobQueue(
          this,
          "Spot",
          configuration,
          computeEnvironment(this, "SpotInstances", configuration, network, { launchTemplate, instanceTypes }, true),
        )
      : this.onDemand;
    this.training =
      configuration.compute.kind === "gpu" && configuration.training
        ? jobQueue(
            this,
            "Training",
            configuration,
            computeEnvironment(
              this,
              "TrainingInstances",
              { ...configuration, compute: { ...configuration.compute, kind: "cpu" } },
              network,
              { launchTemplate, instanceTypes: instanceTypesFor({ kind: "cpu" }, region) },
              configuration.compute.spot,
            ),
          )
        : this.spot;
  }

  /** Each queue once. */
  get queues(): batch.JobQueue[] {
    return [...new Set([this.spot, this.onDemand, this.training])];
  }
}

function hardenedInstances(scope: Construct, { compute }: Configuration): ec2.LaunchTemplate {
  return new ec2.LaunchTemplate(scope, "Instances", {
    requireImdsv2: true,
    httpPutResponseHopLimit: 1,
    userData: instanceUserData(),
    blockDevices: [
      {
        deviceName: "/dev/xvda",
        volume: ec2.BlockDeviceVolume.ebs(compute.diskGiB, {
          encrypted: true,
          volumeType: ec2.EbsDeviceVolumeType.GP3,
          deleteOnTermination: true,
        }),
      },
    ],
  });
}

function computeEnvironment(
  scope: Construct,
  id: string,
  { compute }: Configuration,
  network: Network,
  { launchTemplate, instanceTypes }: { launchTemplate: ec2.LaunchTemplate; instanceTypes: readonly string[] },
  spot: boolean,
): batch.ManagedEc2EcsComputeEnvironment {
  const environment = new batch.ManagedEc2EcsComputeEnvironment(scope, id, {
    vpc: network.vpc,
    vpcSubnets: network.subnets,
    securityGroups: [network.securityGroup],
    launchTemplate,
    instanceTypes: instanceTypes.map((name) => new ec2.InstanceType(name)),
    // "optimal" would add CPU-only families, on which a GPU job never starts.
    useOptimalInstanceClasses: false,
    images: [
      {
        imageType:
          compute.kind === "gpu" ? batch.EcsMachineImageType.ECS_AL2023_NVIDIA : batch.EcsMachineImageType.ECS_AL2023,
      },
    ],
    spot,
    allocationStrategy: spot
      ? batch.AllocationStrategy.SPOT_PRICE_CAPACITY_OPTIMIZED
      : batch.AllocationStrategy.BEST_FIT_PROGRESSIVE,
    minvCpus: 0,
    maxvCpus: compute.maxVcpus,
    updateToLatestImageVersion: true,
    updateTimeout: Duration.minutes(compute.attemptTimeoutMinutes),
    terminateOnUpdate: false,
  });
  // Without a version, Batch goes on using the template it first saw.
  const resource = environment.node.defaultChild as batch.CfnComputeEnvironment;
  resource.addPropertyOverride("ComputeResources.LaunchTemplate.Version", launchTemplate.latestVersionNumber);
  return environment;
}

function jobQueue(
  scope: Construct,
  id: string,
  { compute }: Configuration,
  computeEnvironment: batch.IComputeEnvironment,
): batch.JobQueue {
  const maxTime = Duration.minutes(compute.capacityWaitMinutes);
  const { CANCEL } = batch.JobStateTimeLimitActionsAction;
  const queue = new batch.JobQueue(scope, id, {
    priority: 1,
    computeEnvironments: [{ order: 1, computeEnvironment }],
    jobStateTimeLimitActions: [
      batch.JobStateTimeLimitActionsReason.INSUFFICIENT_INSTANCE_CAPACITY,
      batch.JobStateTimeLimitActionsReason.COMPUTE_ENVIRONMENT_MAX_RESOURCE,
      batch.JobStateTimeLimitActionsReason.JOB_RESOURCE_REQUIREMENT,
    ].map((reason) => ({ reason, maxTime, action: CANCEL, state: batch.JobStateTimeLimitActionsState.RUNNABLE })),
  });
  // The fourth reason for which Batch cancels; the CDK has no name for it.
  (queue.node.defaultChild as batch.CfnJobQueue).addPropertyOverride("JobStateTimeLimitActions.3", {
    Reason: "MISCONFIGURATION:EC2_INSTANCE_CONFIGURATION_UNSUPPORTED",
    MaxTimeSeconds: maxTime.toSeconds(),
    Action: "CANCEL",
    State: "RUNNABLE",
  });
  return queue;
}
