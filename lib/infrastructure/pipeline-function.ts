import path from "node:path";
import { RemovalPolicy, type Duration } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import * as lambda from "aws-cdk-lib/aws-lambda";
import * as nodejs from "aws-cdk-lib/aws-lambda-nodejs";
import * as logs from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { handlerVariablesOf, type HandlerEnvironment } from "../contract/handler-environment";
import type { Configuration } from "./configuration";

/** What goes into each bundle and what must not: the AWS SDK does, onnxruntime and sharp have no business in a Lambda. */
export const bundling = {
  bundleAwsSDK: true,
  minify: true,
  keepNames: true,
  target: "node24",
  mainFields: ["module", "main"],
  format: nodejs.OutputFormat.CJS,
} satisfies nodejs.BundlingOptions;

interface PipelineFunctionProps {
  readonly projectRoot: string;
  /** The folder under lambdas/. */
  readonly name: "plan" | "collect" | "reconcile";
  readonly description: string;
  readonly timeout: Duration;
  readonly memoryMiB: number;
  readonly environment: HandlerEnvironment;
}

/** A thin handler from lambdas/, bundled by the esbuild of this project, with a role and a log group of its own. */
export class PipelineFunction extends Construct {
  readonly handler: nodejs.NodejsFunction;

  constructor(scope: Construct, id: string, { retention }: Configuration, props: PipelineFunctionProps) {
    super(scope, id);
    const logGroup = new logs.LogGroup(this, "Logs", {
      retention: retention.logDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    // AWS's own basic role may write every log group of the account; this one writes its own.
    const role = new iam.Role(this, "Role", {
      assumedBy: new iam.ServicePrincipal("lambda.amazonaws.com"),
      description: `Cytolens ${props.name}`,
    });
    logGroup.grantWrite(role);
    this.handler = new nodejs.NodejsFunction(this, "Function", {
      description: props.description,
      entry: path.join(props.projectRoot, "lambdas", props.name, "handler.ts"),
      projectRoot: props.projectRoot,
      depsLockFilePath: path.join(props.projectRoot, "package-lock.json"),
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      timeout: props.timeout,
      memorySize: props.memoryMiB,
      environment: handlerVariablesOf(props.environment),
      bundling,
      role,
      logGroup,
    });
  }
}
