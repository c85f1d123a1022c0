import { readFileSync } from "node:fs";
import path from "node:path";
import { Annotations, IgnoreMode, Stack } from "aws-cdk-lib";
import * as ecr from "aws-cdk-lib/aws-ecr";
import * as ecrAssets from "aws-cdk-lib/aws-ecr-assets";
import * as ecs from "aws-cdk-lib/aws-ecs";
import type { Construct } from "constructs";
import { z } from "zod";
import type { Configuration } from "./configuration";

/** containers/worker/pins.json, as `npm run pins` writes it; empty where it never ran. */
const pinsFile = z.strictObject({
  baseImage: z.strictObject({ tag: z.string(), digest: z.string() }),
  cudaImage: z.strictObject({ tag: z.string(), digest: z.string() }),
  cudaLibraries: z.strictObject({ url: z.string(), sha256: z.string() }),
});
type Pins = z.infer<typeof pinsFile>;

/** The configured image, or one that is built by Docker at deploy (synth needs no Docker) and pushed under its content's hash. */
export function workerImage(
  scope: Construct,
  projectRoot: string,
  { imageUri, compute }: Configuration,
): ecs.ContainerImage {
  if (imageUri !== undefined) return imageNamed(scope, imageUri);
  const pins = pinsFile.parse(JSON.parse(readFileSync(path.join(projectRoot, "containers/worker/pins.json"), "utf8")));
  const needed =
    compute.kind === "gpu"
      ? [pins.baseImage.digest, pins.cudaImage.digest, pins.cudaLibraries.sha256]
      : [pins.baseImage.digest];
  if (needed.includes("")) {
    Annotations.of(scope).addWarningV2(
      "cytolens:pins",
      "The worker's image is not pinned and its build will fail: run `npm run pins` before `cdk deploy`, or configure cytolens.imageUri",
    );
  }
  return ecs.ContainerImage.fromDockerImageAsset(
    new ecrAssets.DockerImageAsset(scope, "WorkerImage", {
      directory: projectRoot,
      file: "containers/worker/Dockerfile",
      platform: ecrAssets.Platform.LINUX_AMD64,
      target: compute.kind,
      buildArgs: buildArguments(pins),
      // What goes in is said once, in .dockerignore.
      ignoreMode: IgnoreMode.DOCKER,
    }),
  );
}

/** `<account>.dkr.ecr.<region>.<suffix>/<repository>[:tag][@digest]` */
const ecrImage =
  /^(\d{12})\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?\/([^:@]+)(?::([^@]+))?(?:@(sha256:[0-9a-f]{64}))?$/;

/** An image of ECR comes with the right to pull it, which the job's execution role needs; other registries want none. */
function imageNamed(scope: Construct, imageUri: string): ecs.ContainerImage {
  const [, account, region, repositoryName = "", tag, digest] = ecrImage.exec(imageUri) ?? [];
  if (account === undefined || region === undefined) return ecs.ContainerImage.fromRegistry(imageUri);
  const { partition } = Stack.of(scope);
  const repository = ecr.Repository.fromRepositoryAttributes(scope, "WorkerRepository", {
    repositoryName,
    repositoryArn: `arn:${partition}:ecr:${region}:${account}:repository/${repositoryName}`,
  });
  return ecs.ContainerImage.fromEcrRepository(repository, digest ?? tag);
}

function buildArguments({ baseImage, cudaImage, cudaLibraries }: Pins): Record<string, string> {
  return {
    BASE_IMAGE: byDigest(baseImage),
    ...(cudaImage.digest === "" ? {} : { CUDA_IMAGE: byDigest(cudaImage) }),
    CUDA_LIBRARIES_URL: cudaLibraries.url,
    CUDA_LIBRARIES_SHA256: cudaLibraries.sha256,
  };
}

/** Empty, and so refused by the build, when there is no digest. */
const byDigest = ({ tag, digest }: Pins["baseImage"]): string => (digest === "" ? "" : `${tag}@${digest}`);
