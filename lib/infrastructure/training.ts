import { Duration } from "aws-cdk-lib";
import type * as ecs from "aws-cdk-lib/aws-ecs";
import * as iam from "aws-cdk-lib/aws-iam";
import type * as s3 from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";
import { modelsPrefix, trainingPrefix } from "../contract/object-keys";
import { allowObjects } from "./bucket-access";
import type { Configuration } from "./configuration";
import { ecsTasksOf, HardenedJob, workerTemporaryMiB } from "./worker-job";

/** One attempt may train for so long; a Spot reclaim resumes from the last checkpoint. */
const longestTraining = Duration.hours(24);

/**
 * Trains on AWS Batch, with a role of its own: it reads data and starting weights, writes under training/ alone.
 * What it trained becomes a model for batches only when a person publishes it.
 */
export class Training extends Construct {
  readonly job: HardenedJob;
  /** For data set, checkpoint and model: half of the machine's disk; the rest is for its system and the image. */
  readonly roomMiB: number;

  constructor(
    scope: Construct,
    id: string,
    configuration: Configuration,
    bucket: s3.IBucket,
    image: ecs.ContainerImage,
  ) {
    super(scope, id);
    this.roomMiB = Math.floor((configuration.compute.diskGiB * 1024) / 2);
    const role = new iam.Role(this, "Role", {
      assumedBy: ecsTasksOf(this),
      description: "Cytolens training: read models/ and training/, write training/, no delete",
    });
    allowObjects(role, bucket, { read: [modelsPrefix, trainingPrefix], write: [trainingPrefix] });
    this.job = new HardenedJob(this, "Job", configuration, {
      name: "training",
      bucket,
      image,
      role,
      timeout: longestTraining,
      provider: "cpu",
      temporaryMiB: workerTemporaryMiB,
      scratch: true,
      command: ["node", "dist/containers/worker/train.js"],
    });
  }
}
