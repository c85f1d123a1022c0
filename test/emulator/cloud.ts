import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { S3Client } from "@aws-sdk/client-s3";
import { BatchServer, type FaultRequest } from "./batch-server";
import { emulatorCredentials, type Emulator } from "./emulator-process";
import { startMinistack } from "./ministack";
import { projectRoot } from "../reference";

const execute = promisify(execFile);
const stackName = "Cytolens";
/** A custom resource that fails can leave a deploy polling without end. */
const deployMilliseconds = 180_000;

/** The stack, deployed by the CDK's own command line into an emulated account; its jobs run as processes of this machine. */
export interface Cloud {
  readonly endpoint: string;
  readonly bucket: string;
  readonly outputs: Readonly<Record<string, string>>;
  readonly hintsQueueUrl: string;
  /** An S3 client with the credentials of the role whose name in the template begins so. */
  actingAs(role: string): Promise<S3Client>;
  /** Runs the command line against the account; answers what it prints. */
  cytolens(words: readonly string[]): Promise<string>;
  inject(fault: FaultRequest): Promise<Record<string, unknown>>;
  /** Whether the topic's own policy lets CloudWatch's alarms publish. */
  alarmsMayPublish(topic: string): Promise<boolean>;
  stop(): Promise<void>;
}

export async function deployCloud(python: string, configuration: Readonly<Record<string, unknown>>): Promise<Cloud> {
  const scratch = mkdtempSync(path.join(os.tmpdir(), "cytolens-cloud-"));
  let emulator: Emulator | undefined;
  const log = process.env["CYTOLENS_EMULATOR_LOG"];
  const batch = new BatchServer(
    {
      workingFolder: projectRoot,
      log: (line) => {
        if (log !== undefined) writeFileSync(`${log}.jobs`, `${line}\n`, { flag: "a" });
      },
      // Jobs run under their role, whose policies the emulator enforces.
      credentials: async (role) => ({
        ...(await credentialsOf(emulator?.endpoint ?? "", role)),
        AWS_ENDPOINT_URL: emulator?.endpoint ?? "",
      }),
      whyNotPulled: (image, role) => whyNotPulled(emulator?.endpoint ?? "", image, role),
    },
    async (detail, type) => {
      await fetch(`${emulator?.endpoint}/_cytolens/events`, {
        method: "POST",
        body: JSON.stringify([
          {
            Source: "aws.batch",
            DetailType: type,
            Detail: JSON.stringify(detail),
            Resources: [detail["jobArn"]],
          },
        ]),
      });
    },
  );
  const stop = async (): Promise<void> => {
    await batch.close();
    await emulator?.stop();
    rmSync(scratch, { recursive: true, force: true });
  };
  try {
    const port = await batch.listen();
    emulator = await startMinistack(
      python,
      {
        BATCH_SERVER: `http://127.0.0.1:${port}`,
        AUTH: "true",
        LAMBDA_EXECUTOR: "local",
        NODE_PATH: awsSdkAlone(scratch),
        ORT_DISABLE_TELEMETRY: "1",
        AWS_REGION: emulatorCredentials.region,
        ...(log === undefined ? {} : { CYTOLENS_EMULATOR_LOG: log }),
      },
      [path.join(projectRoot, "test/emulator/launcher.py")],
    );
    const outputs = await deploy(scratch, emulator.endpoint, configuration);
    const { endpoint } = emulator;
    const resources = await resourcesOf(endpoint);
    return {
      endpoint,
      outputs,
      bucket: outputs["BucketName"] ?? "",
      stop,
      hintsQueueUrl: resources.get("HintsQueue") ?? "",
      cytolens: async (words) => {
        const { accessKeyId, secretAccessKey } = emulatorCredentials.credentials;
        const env = {
          ...process.env,
          AWS_ENDPOINT_URL: endpoint,
          AWS_REGION: emulatorCredentials.region,
          AWS_ACCESS_KEY_ID: accessKeyId,
          AWS_SECRET_ACCESS_KEY: secretAccessKey,
        };
        return (
          await execute(process.execPath, [path.join(projectRoot, "dist/bin/cytolens.js"), ...words], {
            cwd: scratch,
            env,
          })
        ).stdout;
      },
      actingAs: async (role) => {
        const granted = await credentialsOf(
          endpoint,
          `arn:aws:iam::${emulatorCredentials.credentials.accessKeyId}:role/${resources.get(role)}`,
        );
        return new S3Client({
          endpoint,
          region: emulatorCredentials.region,
          credentials: {
            accessKeyId: granted["AWS_ACCESS_KEY_ID"] ?? "",
            secretAccessKey: granted["AWS_SECRET_ACCESS_KEY"] ?? "",
            sessionToken: granted["AWS_SESSION_TOKEN"] ?? "",
          },
        });
      },
      alarmsMayPublish: async (topic) => {
        const question = new URLSearchParams({ topic });
        const { allowed } = (await (await fetch(`${endpoint}/_cytolens/alarm?${question}`)).json()) as {
          allowed: boolean;
        };
        return allowed;
      },
      inject: async (fault) =>
        (await (
          await fetch(`http://127.0.0.1:${port}/faults`, { method: "POST", body: JSON.stringify(fault) })
        ).json()) as Record<string, unknown>,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

const ecrImage = /^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com\/([^:@]+)/;

/** An image of ECR is pulled under the execution role; one of another registry is no business of AWS's. */
async function whyNotPulled(endpoint: string, image: string, role: string | undefined): Promise<string | undefined> {
  const [, account, region, repository] = ecrImage.exec(image) ?? [];
  if (account === undefined) return undefined;
  const wanted: [string, string][] = [
    ["ecr:GetAuthorizationToken", "*"],
    ["ecr:BatchGetImage", `arn:aws:ecr:${region}:${account}:repository/${repository}`],
  ];
  for (const [action, resource] of wanted) {
    const question = new URLSearchParams({ role: role ?? "", action, resource });
    const { allowed } = (await (await fetch(`${endpoint}/_cytolens/may?${question}`)).json()) as { allowed: boolean };
    if (!allowed)
      return `${role ?? "no execution role"} is not authorized to perform: ${action} on resource ${resource}`;
  }
  return undefined;
}

async function credentialsOf(endpoint: string, role: string): Promise<Record<string, string>> {
  return (await (await fetch(`${endpoint}/_cytolens/credentials?role=${encodeURIComponent(role)}`)).json()) as Record<
    string,
    string
  >;
}

/** The stack's physical names, by the beginning of their names in the template (without the hash the CDK appends). */
async function resourcesOf(endpoint: string): Promise<Map<string, string>> {
  const answer = (await (await fetch(`${endpoint}/_cytolens/resources?stack=${stackName}`)).json()) as Record<
    string,
    string
  >;
  return new Map(Object.entries(answer).map(([logicalId, physicalId]) => [logicalId.slice(0, -8), physicalId]));
}

/** Lambda's own runtime has the SDK and nothing else of ours. */
function awsSdkAlone(scratch: string): string {
  const folder = path.join(scratch, "runtime");
  mkdirSync(folder);
  symlinkSync(path.join(projectRoot, "node_modules/@aws-sdk"), path.join(folder, "@aws-sdk"));
  return folder;
}

async function deploy(scratch: string, endpoint: string, configuration: unknown): Promise<Record<string, string>> {
  const assembly = path.join(scratch, "cdk.out");
  const outputs = path.join(scratch, "outputs.json");
  const { accessKeyId, secretAccessKey } = emulatorCredentials.credentials;
  const environment = {
    ...process.env,
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: emulatorCredentials.region,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_EC2_METADATA_DISABLED: "true",
    CI: "true",
    CDK_HOME: path.join(scratch, "cdk-home"),
    CDK_DISABLE_CLI_TELEMETRY: "true",
  };
  const run = (program: string, args: string[], extra = {}): Promise<unknown> =>
    execute(process.execPath, [path.join(projectRoot, program), ...args], {
      cwd: scratch,
      env: { ...environment, ...extra },
      timeout: deployMilliseconds,
      maxBuffer: 64 * 1024 * 1024,
    });
  await run("dist/bin/app.js", [], {
    CDK_OUTDIR: assembly,
    CDK_CONTEXT_JSON: JSON.stringify({ cytolens: { stackName, ...(configuration as object) } }),
  });
  const cdk = "node_modules/aws-cdk/bin/cdk";
  await run(cdk, ["bootstrap", `aws://${accessKeyId}/${emulatorCredentials.region}`, "--no-notices"]);
  await run(cdk, [
    "deploy",
    "--app",
    assembly,
    "--all",
    "--require-approval",
    "never",
    "--no-notices",
    "--outputs-file",
    outputs,
    "--output",
    path.join(scratch, "deployed"),
  ]);
  return (JSON.parse(readFileSync(outputs, "utf8")) as Record<string, Record<string, string>>)[stackName] ?? {};
}
