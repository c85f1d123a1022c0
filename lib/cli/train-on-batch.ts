import { stat } from "node:fs/promises";
import path from "node:path";
import type { Command } from "commander";
import { openBucket } from "../aws/open-bucket";
import { submitTraining } from "../aws/submit-training";
import { deployment as deploymentDocument, trainingName } from "../contract/deployment";
import { UserError } from "../contract/errors";
import { deploymentKey, trainingDataPrefix, trainingRunPrefix } from "../contract/object-keys";
import { filesBelow } from "../local/fill-batch";
import { uploadFiles } from "../bucket/upload-files";
import { readDocument } from "../bucket/documents";
import { Progress } from "./progress";

/** Said on this machine only, not to the job. */
const ownFlags: ReadonlySet<string> = new Set(["out", "onBatch", "bucket", "json", "threads"]);
const uploadsAtOnce = 8;

/** Uploads a data set and puts its training into the queue of the stack; the model appears in the bucket. */
export async function trainOnBatch(data: string, command: Command): Promise<void> {
  const { bucket, out, json } = command.opts<{ bucket?: string; out: string; json?: boolean }>();
  if (bucket === undefined)
    throw new UserError("train.no-bucket", "Expected --bucket, the stack's bucket, with --on-batch but received none");
  const name = trainingName.safeParse(path.basename(path.resolve(out)));
  if (!name.success)
    throw new UserError(
      "train.name",
      `--out names the training: ${name.error.issues[0]?.message ?? ""} but received ${JSON.stringify(path.basename(out))}`,
    );
  const { store } = await openBucket(bucket);
  const found = await readDocument(store, deploymentKey, deploymentDocument);
  if (!found)
    throw new UserError(
      "train.no-deployment",
      `Expected ${deploymentKey} in ${store.description}, which a deploy of the stack writes, but found none`,
    );

  const files: { from: string; to: string }[] = [];
  let bytes = 0;
  for await (const inside of filesBelow(data)) {
    const from = path.join(data, inside);
    bytes += (await stat(from)).size;
    files.push({ from, to: inside.split(path.sep).join("/") });
  }
  const room = (found.value.training?.roomMiB ?? Infinity) * 2 ** 20;
  if (bytes > room) {
    throw new UserError(
      "train.too-large",
      `Expected at most ${Math.floor(room / 2 ** 20)} MiB of images but received ${Math.ceil(bytes / 2 ** 20)}: raise compute.jobMemoryMiB, half of which is a training's room`,
    );
  }
  const progress = new Progress(files.length, json === true);
  await progress.start();
  await uploadFiles(store, trainingDataPrefix(name.data), files, {
    parallel: uploadsAtOnce,
    told: () => progress.step("uploaded"),
  });
  progress.end();
  const { jobId } = await submitTraining(found.value, name.data, flagsFor(command));
  const where = `${store.description}/${trainingRunPrefix(name.data)}`;
  console.log(
    json
      ? JSON.stringify({ training: name.data, jobId, out: where }, null, 2)
      : `Training ${name.data} is job ${jobId}. Progress, checkpoint and at last the model: ${where}`,
  );
}

/** The flags that were given, as words for the job. */
export function flagsFor(command: Command): string[] {
  return command.options.flatMap((option) => {
    const key = option.attributeName();
    if (ownFlags.has(key) || command.getOptionValueSource(key) !== "cli" || !option.long) return [];
    const value: unknown = command.getOptionValue(key);
    if (typeof value === "boolean") return value ? [option.long] : [];
    return [option.long, ...(Array.isArray(value) ? value.map(String) : [String(value)])];
  });
}
