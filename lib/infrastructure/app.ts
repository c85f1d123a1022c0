import path from "node:path";
import { App } from "aws-cdk-lib";
import { UserError } from "../contract/errors";
import { readConfiguration } from "./configuration";
import { CytolensStack } from "./cytolens-stack";

/** This project's root, from dist/lib/infrastructure. */
const projectRoot = path.resolve(__dirname, "..", "..", "..");

/** What `cdk synth` runs. A configuration that cannot be used ends it with one readable message and status 2. */
export function synthesize(): void {
  const app = new App();
  try {
    const configuration = readConfiguration(app.node.tryGetContext("cytolens"));
    // What the CDK's command line deploys to; without it, what the SDK would take.
    const { CDK_DEFAULT_REGION, AWS_REGION, AWS_DEFAULT_REGION } = process.env;
    const knownRegion = CDK_DEFAULT_REGION ?? AWS_REGION ?? AWS_DEFAULT_REGION;
    new CytolensStack(app, configuration.stackName, { configuration, projectRoot, knownRegion });
    app.synth();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    console.error(error.message);
    process.exitCode = 2;
  }
}
