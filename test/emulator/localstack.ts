import { existsSync, readdirSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { projectRoot } from "../reference";
import { type Emulator, startEmulator } from "./emulator-process";
import { type FoundPython, pythonEnvironment } from "./python-environment";

const pythonVersion = "3.13";
/** Nothing of it outlives a test run that was killed. */
const lifetimeSeconds = 600;

/** LocalStack 4.14.0 as a Python package, without Docker and without a token. */
export const localstackPython = (): FoundPython =>
  pythonEnvironment({
    name: "localstack-4.14.0",
    interpreters: [`python${pythonVersion}`, ...ofPyenv(), "python3"],
    version: pythonVersion,
    packages: ["--no-deps", "--requirement", path.join(projectRoot, "test/emulator/localstack-4.14.0.txt")],
    installMilliseconds: 400_000,
  });

/** Versions that pyenv keeps answer to `python3.13` only where they are switched on. */
function ofPyenv(): string[] {
  const versions = path.join(process.env["PYENV_ROOT"] ?? path.join(os.homedir(), ".pyenv"), "versions");
  if (!existsSync(versions)) return [];
  return readdirSync(versions)
    .filter((name) => name.startsWith(`${pythonVersion}.`))
    .map((name) => path.join(versions, name, "bin/python"));
}

/** It keeps objects in one folder for all that run on a machine, unless told otherwise where no setting reaches. */
const program = `
import os, signal
signal.alarm(${lifetimeSeconds})
from localstack.services.s3 import provider
provider.DEFAULT_S3_TMP_DIR = os.path.join(os.environ["LOCALSTACK_VOLUME_DIR"], "objects")
from localstack.runtime.main import main
main()
`;

/** Starts its S3, SQS and SNS in host mode, telling nobody, on this machine's own address. */
export const startLocalstack = (python: string): Promise<Emulator> =>
  startEmulator({
    python,
    words: ["-c", program],
    healthPath: "/_localstack/health",
    readyMilliseconds: 60_000,
    log: process.env["CYTOLENS_EMULATOR_LOG"],
    environment: (port, scratch) => ({
      GATEWAY_LISTEN: `127.0.0.1:${port}`,
      LOCALSTACK_HOST: `127.0.0.1:${port}`,
      SQS_ENDPOINT_STRATEGY: "path",
      SERVICES: "s3,sqs,sns",
      STRICT_SERVICE_LOADING: "1",
      LOCALSTACK_VOLUME_DIR: path.join(scratch, "volume"),
      PERSISTENCE: "0",
      // No telemetry, no certificate fetched, no name server.
      DISABLE_EVENTS: "1",
      SKIP_SSL_CERT_DOWNLOAD: "1",
      DNS_ADDRESS: "0",
    }),
  });
