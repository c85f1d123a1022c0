import { Annotations, CfnOutput, Fn, Stack, Tags, type StackProps } from "aws-cdk-lib";
import type { Construct } from "constructs";
import { currentSchemaVersion } from "../contract/names";
import { Alarms } from "./alarms";
import { budgetAlarm, costTag } from "./budget";
import { tellOfBlockedJobs } from "./blocked-jobs";
import { BatchBucket } from "./bucket";
import { Collector } from "./collector";
import { Compute } from "./compute";
import { defaultModelFolder, type Configuration } from "./configuration";
import { Dashboard } from "./dashboard";
import { DefaultModel } from "./default-model";
import { writeDeploymentFacts } from "./deployment-facts";
import { zonesOf } from "./instance-offerings";
import { HintsQueue } from "./hints-queue";
import { noticesTopic } from "./notices-topic";
import { Network } from "./private-network";
import type { PipelineParts } from "./pipeline-parts";
import { Planner } from "./planner";
import { Reconciler } from "./reconciler";
import { Training } from "./training";
import { workerImage } from "./worker-image";
import { workerJob } from "./worker-job";
import { justifyFindings } from "./justified-findings";

export interface CytolensStackProps extends StackProps {
  readonly configuration: Configuration;
  readonly projectRoot: string;
  /** Where it will be deployed, as far as that is known at synth; the template itself names no region. */
  readonly knownRegion?: string | undefined;
}

/** The journey of a batch, top to bottom: upload, event, plan, jobs, end of jobs, notice; and who watches over it. */
export class CytolensStack extends Stack {
  private readonly zones: number;

  constructor(scope: Construct, id: string, { configuration, projectRoot, knownRegion, ...props }: CytolensStackProps) {
    super(scope, id, { description: "Cytolens: cytology images classified and explained on AWS Batch", ...props });
    const { network } = configuration;
    this.zones = (network.kind === "existing" ? undefined : network.zones) ?? zonesOf(knownRegion);
    Tags.of(this).add(costTag, this.stackName);

    const { bucket } = new BatchBucket(this, "Storage", configuration);
    const folder = defaultModelFolder(projectRoot, configuration);
    if (folder !== undefined) new DefaultModel(this, "DefaultModel", { folder, bucket });
    else
      Annotations.of(this).addWarningV2(
        "cytolens:default-model",
        "No model is deployed: batches are rejected until `cytolens model publish` has put one into the bucket",
      );
    const hints = new HintsQueue(this, "Hints", { bucket });

    const image = workerImage(this, projectRoot, configuration);
    const compute = new Compute(
      this,
      "Compute",
      configuration,
      new Network(this, "Network", configuration),
      knownRegion,
    );
    const worker = workerJob(this, configuration, bucket, image);

    const topic = noticesTopic(this, configuration);

    const parts: PipelineParts = {
      configuration,
      projectRoot,
      bucket,
      hints,
      compute,
      worker,
      topic,
      environment: {
        bucket: bucket.bucketName,
        hintsQueueUrl: hints.queue.queueUrl,
        spotQueue: compute.spot.jobQueueArn,
        onDemandQueue: compute.onDemand.jobQueueArn,
        jobDefinition: worker.definition.jobDefinitionArn,
        topic: topic.topicArn,
        stack: this.stackName,
        idleSeconds: configuration.idleWindowSeconds,
        provider: configuration.compute.kind === "gpu" ? "cuda" : "cpu",
        usdPerHour: configuration.compute.usdPerInstanceHour,
      },
    };
    const planner = new Planner(this, "Planner", parts);
    const collector = new Collector(this, "Collector", parts);
    tellOfBlockedJobs(this, compute, topic, collector.deadLetters);
    const reconciler = new Reconciler(this, "Reconciler", parts);

    const training = configuration.training ? new Training(this, "Training", configuration, bucket, image) : undefined;
    writeDeploymentFacts(this, bucket, {
      schemaVersion: currentSchemaVersion,
      stack: this.stackName,
      queue: compute.training.jobQueueArn,
      training: training
        ? { jobDefinition: training.job.definition.jobDefinitionArn, roomMiB: training.roomMiB }
        : null,
    });

    const alarms = new Alarms(this, "Alarms", {
      stackName: this.stackName,
      topic,
      hints,
      collectDeadLetters: collector.deadLetters,
      reconcileDeadLetters: reconciler.deadLetters,
      plan: planner.handler,
      collect: collector.handler,
      reconcile: reconciler.handler,
    });
    new Dashboard(this, "Dashboard", {
      stackName: this.stackName,
      alarms,
      hints,
      functions: { plan: planner.handler, collect: collector.handler, reconcile: reconciler.handler },
    });
    if (configuration.budget) budgetAlarm(this, configuration.budget);

    new CfnOutput(this, "BucketName", {
      value: bucket.bucketName,
      description: "Images go under incoming/<batch>/, answers appear under results/<batch>/",
    });
    new CfnOutput(this, "JobQueue", { value: compute.spot.jobQueueArn });
    new CfnOutput(this, "NoticesTopic", { value: topic.topicArn });
    justifyFindings(this, bucket);
  }
  /** The region's first zones; the CDK would give a stack that names no region only two. */
  override get availabilityZones(): string[] {
    return Array.from({ length: this.zones }, (_, index) => Fn.select(index, Fn.getAzs()));
  }
}
