import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { BatchServer, type FaultRequest } from "./batch-server";
import { emulatorCredentials, startMinistack, type Emulator } from "./ministack";
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
  inject(fault: FaultRequest): Promise<Record<string, unknown>>;
  stop(): Promise<void>;
}

export async function deployCloud(python: string, configuration: Readonly<Record<string, unknown>>): Promise<Cloud> {
  const scratch = mkdtempSync(path.join(os.tmpdir(), "cytolens-cloud-"));
  let emulator: Emulator | undefined;
  const log = process.env["CYTOLENS_EMULATOR_LOG"];
  const batch = new BatchServer({
    workingFolder: projectRoot,
    environment: { ORT_DISABLE_TELEMETRY: "1", AWS_EC2_METADATA_DISABLED: "true", AWS_REGION: emulatorCredentials.region },
    log: (line) => { if (log !== undefined) writeFileSync(`${log}.jobs`, `${line}\n`, { flag: "a" }); },
    // Jobs run under their role, whose policies the emulator enforces.
    credentials: async (role) => {
      const found = await fetch(`${emulator?.endpoint}/_cytolens/credentials?role=${encodeURIComponent(role)}`);
      return { ...((await found.json()) as Record<string, string>), AWS_ENDPOINT_URL: emulator?.endpoint ?? "" };
    },
  }, async (detail) => {
    await fetch(`${emulator?.endpoint}/_cytolens/events`, { method: "POST", body: JSON.stringify([
      { Source: "aws.batch", DetailType: "Batch Job State Change", Detail: JSON.stringify(detail), Resources: [detail["jobArn"]] },
    ]) });
  });
  const stop = async (): Promise<void> => {
    await batch.close();
    await emulator?.stop();
    rmSync(scratch, { recursive: true, force: true });
  };
  try {
    const port = await batch.listen();
    emulator = await startMinistack(python, {
      BATCH_SERVER: `http://127.0.0.1:${port}`, AUTH: "true", LAMBDA_EXECUTOR: "local", NODE_PATH: awsSdkAlone(scratch), ORT_DISABLE_TELEMETRY: "1",
      AWS_REGION: emulatorCredentials.region, ...(log === undefined ? {} : { CYTOLENS_EMULATOR_LOG: log }),
    }, [path.join(projectRoot, "test/emulator/launcher.py")]);
    const outputs = await deploy(scratch, emulator.endpoint, configuration);
    return {
      endpoint: emulator.endpoint, outputs, bucket: outputs["BucketName"] ?? "", stop,
      inject: async (fault) => (await (await fetch(`http://127.0.0.1:${port}/faults`, { method: "POST", body: JSON.stringify(fault) })).json()) as Record<string, unknown>,
    };
  } catch (error) {
    await stop();
    throw error;
  }
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
    ...process.env, AWS_ENDPOINT_URL: endpoint, AWS_REGION: emulatorCredentials.region, AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_EC2_METADATA_DISABLED: "true", CI: "true", CDK_HOME: path.join(scratch, "cdk-home"), CDK_DISABLE_CLI_TELEMETRY: "true",
  };
  const run = (program: string, args: string[], extra = {}): Promise<unknown> =>
    execute(process.execPath, [path.join(projectRoot, program), ...args], { cwd: scratch, env: { ...environment, ...extra }, timeout: deployMilliseconds, maxBuffer: 64 * 1024 * 1024 });
  await run("dist/bin/app.js", [], { CDK_OUTDIR: assembly, CDK_CONTEXT_JSON: JSON.stringify({ cytolens: { stackName, ...(configuration as object) } }) });
  const cdk = "node_modules/aws-cdk/bin/cdk";
  await run(cdk, ["bootstrap", `aws://${accessKeyId}/${emulatorCredentials.region}`, "--no-notices"]);
  await run(cdk, ["deploy", "--app", assembly, "--all", "--require-approval", "never", "--no-notices", "--outputs-file", outputs, "--output", path.join(scratch, "deployed")]);
  return (JSON.parse(readFileSync(outputs, "utf8")) as Record<string, Record<string, string>>)[stackName] ?? {};
}
