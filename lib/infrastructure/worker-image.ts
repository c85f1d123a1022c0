import * as ecrAssets from "aws-cdk-lib/aws-ecr-assets";
import * as ecs from "aws-cdk-lib/aws-ecs";
import type { Construct } from "constructs";
import type { Configuration } from "./configuration";

/** Kept out of the build's context, so that neither tests nor data decide whether the image is rebuilt. */
const notForTheImage = ["**/node_modules", ".git", ".ci", "cdk.out", "dist/test", "dist/bench", "test", "bench", "docs", "demo-bucket", "**/*.tsbuildinfo"];

/** The configured image, or one that is built by Docker at deploy (synth needs no Docker) and pushed by its content's hash. */
export function workerImage(scope: Construct, projectRoot: string, { imageUri, compute }: Configuration): ecs.ContainerImage {
  if (imageUri !== undefined) return ecs.ContainerImage.fromRegistry(imageUri);
  return ecs.ContainerImage.fromDockerImageAsset(new ecrAssets.DockerImageAsset(scope, "WorkerImage", {
    directory: projectRoot,
    file: "containers/worker/Dockerfile",
    platform: ecrAssets.Platform.LINUX_AMD64,
    target: compute.kind,
    exclude: notForTheImage,
  }));
}
