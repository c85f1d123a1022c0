import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, openSync, rmSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";

export interface Emulator {
  readonly endpoint: string;
  readonly stop: () => Promise<void>;
}

/** What clients need to talk to an emulator: an address instead of a name in the endpoint makes the S3 client path-style. */
export const emulatorCredentials = {
  region: "eu-west-1",
  credentials: { accessKeyId: "000000000000", secretAccessKey: "test" },
} as const;

interface Program {
  readonly python: string;
  readonly words: readonly string[];
  /** Answers once requests are taken. */
  readonly healthPath: string;
  readonly readyMilliseconds: number;
  readonly environment: (port: number, scratch: string) => Readonly<Record<string, string>>;
  /** Its output is of use to whoever looks for a fault in it. */
  readonly log: string | undefined;
}

/** Starts an emulator on a free port of this machine, in a scratch folder of its own that goes with it. */
export async function startEmulator({
  python,
  words,
  healthPath,
  readyMilliseconds,
  environment,
  log,
}: Program): Promise<Emulator> {
  const port = await freePort();
  const scratch = mkdtempSync(path.join(os.tmpdir(), "cytolens-emulator-"));
  const output = log === undefined ? "ignore" : openSync(log, "a");
  const child = spawn(python, words, {
    cwd: scratch,
    stdio: ["ignore", output, output],
    env: { ...process.env, TMPDIR: scratch, HOME: scratch, ...environment(port, scratch) },
  });
  const endpoint = `http://127.0.0.1:${port}`;
  const stop = async (): Promise<void> => {
    await ended(child);
    rmSync(scratch, { recursive: true, force: true });
  };
  const deadline = Date.now() + readyMilliseconds;
  while (
    !(await fetch(`${endpoint}${healthPath}`).then(
      (answer) => answer.ok,
      () => false,
    ))
  ) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await stop();
      throw new Error(
        `Expected the emulator to answer at ${endpoint} within ${readyMilliseconds / 1000} s but it did not`,
      );
    }
    await pause(100);
  }
  return { endpoint, stop };
}

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
