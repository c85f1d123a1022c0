import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, openSync, renameSync, rmSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";

/** Pinned to the version whose behaviour was compared with S3's; the launcher of the whole emulator needs exactly it. */
export const pins = ["ministack==1.5.33", "botocore==1.43.106", "boto3==1.43.106", "cryptography==46.0.7"] as const;

const readyMilliseconds = 30_000;
const installMilliseconds = 240_000;

/** The Python environment with the emulator, made on first use outside the tree; a sentence where it cannot be had. */
export function emulatorPython(): { python: string } | { missing: string } {
  const cache = process.env["CYTOLENS_EMULATOR_CACHE"] ?? path.join(os.homedir(), ".cache", "cytolens-emulator");
  const folder = path.join(cache, "ministack-1.5.33");
  const python = path.join(folder, "bin", "python");
  if (existsSync(python)) return { python };
  if (spawnSync("python3", ["-c", "import venv, ensurepip"]).status !== 0) return { missing: "Python 3 with venv is not installed" };
  mkdirSync(cache, { recursive: true });
  const draft = mkdtempSync(path.join(cache, "draft-"));
  try {
    execFileSync("python3", ["-m", "venv", draft], { timeout: installMilliseconds, stdio: "ignore" });
    execFileSync(path.join(draft, "bin", "python"), ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...pins], { timeout: installMilliseconds, stdio: "ignore" });
    // Scripts of a moved environment still name the old folder; `python -m` does not.
    renameSync(draft, folder);
    return { python };
  } catch {
    rmSync(draft, { recursive: true, force: true });
    return existsSync(python) ? { python } : { missing: "the Python packages of the emulator cannot be installed (no package registry)" };
  }
}

export interface Emulator {
  readonly endpoint: string;
  readonly stop: () => Promise<void>;
}

/** What clients need to talk to it: an address instead of a name makes the S3 client path-style. */
export const emulatorCredentials = { region: "eu-west-1", credentials: { accessKeyId: "000000000000", secretAccessKey: "test" } } as const;

/** Starts the emulator on a free port of this machine, in a scratch folder of its own. */
export async function startMinistack(python: string, environment: Readonly<Record<string, string>> = {}, program: readonly string[] = ["-m", "ministack"]): Promise<Emulator> {
  const port = await freePort();
  const scratch = mkdtempSync(path.join(os.tmpdir(), "cytolens-ministack-"));
  const child = spawn(python, program, {
    cwd: scratch, stdio: logTo(environment["CYTOLENS_EMULATOR_LOG"]),
    env: {
      ...process.env, BIND_HOST: "127.0.0.1", MINISTACK_HOST: "127.0.0.1", GATEWAY_PORT: String(port), MINISTACK_REGION: emulatorCredentials.region,
      SFTP_ENABLED: "0", IOT_MTLS_ENABLED: "0", TMPDIR: scratch, HOME: scratch, AWS_ACCESS_KEY_ID: emulatorCredentials.credentials.accessKeyId, ...environment,
    },
  });
  const endpoint = `http://127.0.0.1:${port}`;
  const stop = async (): Promise<void> => {
    await ended(child);
    rmSync(scratch, { recursive: true, force: true });
  };
  const deadline = Date.now() + readyMilliseconds;
  while (!(await isReady(endpoint))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await stop();
      throw new Error(`Expected the emulator to answer at ${endpoint} within ${readyMilliseconds / 1000} s but it did not`);
    }
    await pause(100);
  }
  return { endpoint, stop };
}

/** Its output is of use to whoever looks for a fault in it. */
function logTo(file: string | undefined): ["ignore", "ignore" | number, "ignore" | number] {
  if (file === undefined) return ["ignore", "ignore", "ignore"];
  const log = openSync(file, "a");
  return ["ignore", log, log];
}

const isReady = (endpoint: string): Promise<boolean> => fetch(`${endpoint}/_ministack/health`).then((answer) => answer.ok, () => false);

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
  });
  child.kill("SIGTERM");
  await Promise.race([gone, pause(3000, undefined, { ref: false })]);
  child.kill("SIGKILL");
  await gone;
}

async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return port;
}
