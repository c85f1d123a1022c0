import { fileURLToPath } from "node:url";
import { CytolensError, TransientError, UserError } from "../../lib/contract/errors";
import { workerTaskFrom } from "../../lib/contract/worker-environment";
import { workerExitCodes } from "../../lib/contract/worker-exit-codes";
import { openImageWork } from "../../lib/explaining/analyse-images";
import { runShard } from "../../lib/protocol/shard/run-shard";
import { systemClock } from "../../lib/bucket/clock";
import { FolderStore } from "../../lib/storage/folder-store";
import type { ObjectStore } from "../../lib/storage/object-store";

/** Works on the shard its environment names. */
async function main(): Promise<number> {
  const task = workerTaskFrom(process.env);
  const threads = wholeNumber("CYTOLENS_THREADS");
  const memoryMegabytes = wholeNumber("CYTOLENS_MEMORY_MB");
  const outcome = await runShard(
    {
      store: await storeAt(task.bucket),
      clock: systemClock,
      stop: stopSignal(),
      onProgress: ({ status, seconds }) => sendToParent({ status, seconds }),
      open: (plan, model) =>
        openImageWork(plan, model, {
          provider: task.provider,
          ...(threads === undefined ? {} : { threads }),
          ...(memoryMegabytes === undefined ? {} : { memoryBytes: memoryMegabytes * 2 ** 20 }),
          cacheFolder: process.env["CYTOLENS_CACHE"] ?? null,
        }),
    },
    task,
  );
  log({
    message: outcome.state === "failed" ? outcome.failure.message : `shard ${outcome.state}`,
    ...task,
    ...outcome,
  });
  return outcome.state === "failed" ? workerExitCodes.surroundings : workerExitCodes[outcome.state];
}

/** A bucket's name, or a folder as a file: URL. */
async function storeAt(bucket: string): Promise<ObjectStore> {
  if (bucket.startsWith("file:")) return new FolderStore(fileURLToPath(bucket));
  const { S3Store } = await import("../../lib/storage/s3-store.js");
  return S3Store.open(bucket);
}

/**
 * SIGTERM comes when a job is terminated, and on a laptop by hand or with the parent's end. A reclaimed Spot instance gives
 * the jobs of AWS Batch no such warning: what is stored by then is what counts.
 */
function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => stop.abort());
  process.on("disconnect", () => stop.abort());
  return stop.signal;
}

function wholeNumber(name: string): number | undefined {
  const text = process.env[name];
  if (text === undefined) return undefined;
  if (!/^[1-9]\d*$/.test(text))
    throw new UserError(
      "worker.environment",
      `Expected a whole number above 0 in ${name} but received ${JSON.stringify(text)}`,
    );
  return Number(text);
}

function sendToParent(progress: { readonly status: string; readonly seconds: number }): void {
  if (process.connected) process.send?.(progress);
}

const log = (line: object): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`);
};

function codeOf(error: unknown): number {
  if (error instanceof TransientError) return workerExitCodes.tryLater;
  if (error instanceof UserError) return workerExitCodes.usage;
  return error instanceof CytolensError ? workerExitCodes.surroundings : workerExitCodes.unexpected;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    const said =
      error instanceof CytolensError
        ? { code: error.code, message: error.message }
        : { code: "unexpected", message: String(error instanceof Error ? error.stack : error) };
    process.stderr.write(`${JSON.stringify(said)}\n`);
    process.exit(codeOf(error));
  },
);
