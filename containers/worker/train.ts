import { spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { openBucket } from "../../lib/aws/open-bucket";
import { trainingTask } from "../../lib/contract/deployment";
import { workerExitCodes } from "../../lib/contract/worker-exit-codes";
import { runTrainingJob } from "../../lib/protocol/training-job";

const program = path.join(__dirname, "..", "..", "bin", "cytolens.js");

/** Trains as its environment says, data and checkpoints in the bucket. Ends as `cytolens train` does. */
async function main(): Promise<number> {
  const task = trainingTask.safeParse(process.env);
  if (!task.success) {
    process.stderr.write(
      `Expected a training job's environment but ${task.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; ")}\n`,
    );
    return 2;
  }
  const { CYTOLENS_BUCKET, CYTOLENS_TRAINING, CYTOLENS_TRAINING_FLAGS } = task.data;
  const { store } = await openBucket(CYTOLENS_BUCKET);
  return runTrainingJob({
    store,
    name: CYTOLENS_TRAINING,
    // Data sets and checkpoints want a disk, where the job has been given one.
    scratch: mkdtempSync(path.join(process.env["CYTOLENS_SCRATCH"] ?? os.tmpdir(), "training-")),
    train: ({ data, out }) =>
      new Promise((resolve, reject) => {
        const child = spawn(process.execPath, [program, "train", data, "-o", out, ...CYTOLENS_TRAINING_FLAGS], {
          stdio: "inherit",
        });
        for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => child.kill(signal));
        child.once("error", reject);
        child.once("close", (code) => resolve(code ?? workerExitCodes.interrupted));
      }),
  });
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${String(error instanceof Error ? error.stack : error)}\n`);
    process.exit(1);
  },
);
